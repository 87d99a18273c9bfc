"""What a role's table may say, and what it becomes."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from protocols.ssh.options import SshOptions

_OPTIONS = TypeAdapter(SshOptions)


def test_a_table_may_say_everything() -> None:
    table: dict[str, Any] = {
        "shell": False,
        "exec": ["uptime", "scp -t *"],
        "sftp": "read-only",
        "subsystems": ["netconf"],
        "accept_env": [],
        "forward_local": ["db:5432"],
        "forward_remote": ["localhost:*"],
        "forward_agent": True,
        "forward_x11": True,
        "record_shell": "input",
        "record_exec": True,
        "audit_lookups": True,
    }
    options = _OPTIONS.validate_python(table)
    for name, value in table.items():
        assert getattr(options, name) == (tuple(value) if isinstance(value, list) else value)


def test_an_empty_table_is_open_for_work_only() -> None:
    options = _OPTIONS.validate_python({})
    assert (options.shell, options.exec, options.sftp) == (True, ("*",), "read-write")
    assert (options.forward_local, options.forward_remote) == ((), ())
    assert (options.forward_agent, options.forward_x11, options.subsystems) == (False, False, ())
    assert options.record_shell == "output"


@pytest.mark.parametrize(
    "open_door", [{}, {"shell": False}, {"exec": []}, {"shell": False, "exec": ["uptime", "*"]}]
)
def test_sftp_alone_is_no_door_to_keep_files_behind(open_door: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="keeps nobody from changing files"):
        _OPTIONS.validate_python({"sftp": "read-only", **open_door})


@pytest.mark.parametrize(
    ("name", "value"), [("sftp", "readonly"), ("exec", "uptime"), ("record_shell", True)]
)
def test_what_nobody_means_is_a_mistake(name: str, value: object) -> None:
    with pytest.raises(ValidationError, match=name):
        _OPTIONS.validate_python({name: value})
