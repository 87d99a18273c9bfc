"""What commands have in common: the configuration, the log's lines, and how a command fails."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from proxy.cli import main
from proxy.cli.options import set_up_logging

_ROLE = 'kind = "postgres"\nenv = { HOST = "db", USER = "app", PASS = "_envjson:X:password" }\n'


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "keyless.toml"
    file.write_text(f'[roles.first]\nlisten = "127.0.0.1:1"\n{_ROLE}[roles.second]\n{_ROLE}')
    return str(file)


@contextmanager
def _logging(level: str) -> Iterator[logging.Logger]:
    """As in a process of its own: without the handlers that pytest has there during a test."""
    root, ours = logging.getLogger(), logging.getLogger("keyless")
    handlers = root.handlers[:]
    root.handlers.clear()
    try:
        set_up_logging(level)
        yield ours.getChild("test")
    finally:
        root.handlers[:] = handlers
        ours.setLevel(logging.NOTSET)


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("plain", "plain"),
        ("two\nlines", r"two\nlines"),
        ("\x1b[31mred\r\x00\x85", r"\x1b[31mred\r\x00\x85"),
        ("\u2028", r"\u2028"),
        ("naïve", "naïve"),
    ],
)
def test_a_message_is_one_line_whatever_is_in_it(
    capsys: pytest.CaptureFixture[str], said: str, written: str
) -> None:
    with _logging("info") as log:
        log.info("said %s", said)
    assert capsys.readouterr().err.endswith(f" INFO keyless.test: said {written}\n")


def test_an_exceptions_own_lines_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    with _logging("info") as log:
        try:
            raise ValueError("x")
        except ValueError:
            log.exception("failed")
    assert "keyless.test: failed\nTraceback (most" in capsys.readouterr().err


def test_only_our_own_log_is_as_loud_as_asked(capsys: pytest.CaptureFixture[str]) -> None:
    with _logging("debug") as log:
        log.debug("ours")
        logging.getLogger("botocore").info("theirs")
    told = capsys.readouterr().err
    assert "ours" in told
    assert "theirs" not in told


def test_roles_are_listed(config: str) -> None:
    result = CliRunner().invoke(main, ["roles", "--config", config])
    assert result.exit_code == 0
    assert result.output == (
        "first   postgres  127.0.0.1:1\n"
        "second  postgres  no listener; `keyless connect` opens one of its own\n"
    )


@pytest.mark.parametrize("command", [["check", "frist"], ["connect", "frist"]])
def test_a_misspelt_role_is_answered_with_the_nearest(config: str, command: list[str]) -> None:
    result = CliRunner().invoke(main, [*command, "--config", config])
    assert result.exit_code == 2
    assert "has no role 'frist'; did you mean first? (it has: first, second)" in result.output


@pytest.mark.parametrize("command", ["serve", "check", "roles", "connect first"])
def test_a_wrong_file_is_refused_by_every_command(tmp_path: Path, command: str) -> None:
    (tmp_path / "keyless.toml").write_text("[roles.app]\n")
    arguments = [*command.split(), "--config", str(tmp_path / "keyless.toml")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "keyless.toml is not right; nothing was started.\n" in result.output
    assert "  roles.app.kind: is missing\n" in result.output


def test_an_unknown_command_is_refused() -> None:
    assert CliRunner().invoke(main, ["srve"]).exit_code == 2
