"""What no client notices is found in Keyless's files."""

from pathlib import Path

import pytest

from proxy.audit.chain import BEGINNING, link
from tests.conformance.faults import faults
from tests.secrecy import CANARY

_GOOD, _ = link([b'{"event":"session.start"', b'{"event":"session.end"'], BEGINNING)
_WRONG, _ = link([b'{"event":"session.start"'], "1" * 64)

_ERROR = """\
2026-11-23 10:00:00,000 INFO keyless.server: role target (postgres) on 127.0.0.1:5432
2026-11-23 10:00:01,000 ERROR keyless.session: session 1 failed; this is a bug in Keyless
"""


def _write(directory: Path, log: str, audit: bytes) -> None:
    (directory / "keyless.log").write_text(log)
    (directory / "audit.jsonl").write_bytes(audit)


def test_all_is_well(tmp_path: Path) -> None:
    _write(tmp_path, "role target on 127.0.0.1:5432\n", _GOOD)
    assert list(faults(tmp_path)) == []


@pytest.mark.parametrize(
    ("log", "audit", "told"),
    [
        (_ERROR, _GOOD, "its log tells of 1 errors, the first is: keyless.session: session 1 "),
        ("", _WRONG, "line 1 of its audit: "),
    ],
)
def test_a_fault_is_told(tmp_path: Path, log: str, audit: bytes, told: str) -> None:
    _write(tmp_path, log, audit)
    (fault,) = faults(tmp_path)
    assert fault.startswith(told)


@pytest.mark.parametrize("name", ["keyless.log", "audit.jsonl"])
def test_a_password_is_told_by_its_place(tmp_path: Path, name: str) -> None:
    _write(tmp_path, "", _GOOD)
    with (tmp_path / name).open("a") as file:
        file.write(CANARY)
    assert f"{name} holds the password: part, plain" in list(faults(tmp_path))
