"""Terminals as asciicast: what is recorded, and as what."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from protocols.api import Event
from protocols.errors import Reason, Refusal
from protocols.ssh.channels import Channels
from protocols.ssh.events import SshExec, SshShell
from protocols.ssh.messages import stderr_data
from protocols.ssh.options import SshOptions
from tests.protocols.ssh.connection import Connection, Tape, data, pty, request, size


def _lines(tape: Tape) -> Sequence[Any]:
    return [json.loads(line) for line in tape.lines.splitlines()]


def _shell(options: SshOptions, terminal: bytes | None) -> Connection:
    connection = Connection(options)
    connection.open()
    if terminal is not None:
        connection.run_pty(terminal)
    connection.run(b"shell")
    return connection


def test_a_shell_is_recorded_as_it_looked() -> None:
    connection = _shell(SshOptions(), pty(100, 30))
    connection.now += 1.25
    connection.client(data(100, b"typed"))
    connection.upstream(data(0, "caf\xe9 ".encode()), stderr_data(0, b"\x1b[31m!\r\n"))
    connection.now += 0.5
    connection.client(request(100, b"window-change", size(120, 40), want_reply=False))
    connection.end()
    (event,) = connection.told(SshShell)
    assert (event.recording, event.terminal, event.bytes_in) == ("1.cast", True, 5)
    assert connection.tapes["1.cast"].closed
    assert _lines(connection.tapes["1.cast"]) == [
        {"version": 2, "width": 100, "height": 30, "env": {"TERM": "xterm"}},
        [1.25, "o", "caf\xe9 "],
        [1.25, "o", "\x1b[31m!\r\n"],
        [1.75, "r", "120x40"],
    ]


def test_what_is_typed_is_recorded_where_the_role_says_so() -> None:
    connection = _shell(SshOptions(record_shell="input"), pty())
    connection.client(data(100, b"ls\r"))
    connection.end()
    assert _lines(connection.tapes["1.cast"])[1:] == [[0.0, "i", "ls\r"]]


@pytest.mark.parametrize("cut", range(1, 11))
def test_characters_are_recorded_whole_wherever_they_are_cut(cut: int) -> None:
    connection = _shell(SshOptions(), None)
    text = "\u20ac\U0001f600x\xe9".encode()
    connection.upstream(data(0, text[:cut]), stderr_data(0, b"\xc3"), data(0, text[cut:]))
    connection.end()
    header, *events = _lines(connection.tapes["1.cast"])
    assert header == {"version": 2, "width": 80, "height": 24}
    assert "".join(event[2] for event in events) == "\u20ac\U0001f600x\xe9\ufffd"


def test_a_command_in_a_terminal_is_recorded_as_well() -> None:
    connection = Connection()
    connection.open()
    connection.run_pty(pty(0, 0, b""))
    connection.run(b"exec", b"top \xff")
    connection.upstream(data(0, b"load"))
    connection.end()
    assert [event.recording for event in connection.told(SshExec)] == ["1.cast"]
    assert _lines(connection.tapes["1.cast"]) == [
        {"version": 2, "width": 80, "height": 24, "command": "top \\xff"},
        [0.0, "o", "load"],
    ]


def test_a_command_without_a_terminal_is_not_recorded() -> None:
    connection = Connection()
    connection.open()
    connection.run(b"exec", b"rsync --server .")
    connection.upstream(data(0, b"a file's bytes"))
    connection.end()
    assert connection.tapes == {}


def _run(command: bytes, *output: bytes) -> Connection:
    connection = Connection(SshOptions(record_exec=True, record_shell="off"))
    connection.open()
    connection.run(b"exec", command)
    connection.client(data(100, b"never what it is told"))
    connection.upstream(*(data(0, piece) for piece in output))
    connection.end()
    return connection


def test_a_role_may_record_commands_without_a_terminal() -> None:
    connection = _run(b"uptime", b"up 9 days\n", b"\xc3")
    assert [event.recording for event in connection.told(SshExec)] == ["1.cast"]
    assert _lines(connection.tapes["1.cast"]) == [
        {"version": 2, "width": 80, "height": 24, "command": "uptime"},
        [0.0, "o", "up 9 days\n"],
        [0.0, "o", "\ufffd"],
    ]


def test_no_more_of_a_command_is_recorded_than_a_mebibyte() -> None:
    connection = _run(b"cat", *[b"x" * 30_000] * 100)
    tape = connection.tapes["1.cast"]
    assert (1 << 20) - 31_000 < len(tape.lines) < 1 << 20
    assert _lines(tape)[-1] == [0.0, "m", "the rest is not recorded"]
    assert [line[1] for line in _lines(tape)[1:-1]] == ["o"] * 34
    assert tape.closed


@pytest.mark.parametrize(
    "command",
    [b"rsync --server -e.LsfxCIvu . there", b"/usr/bin/scp -t there", b"git-upload-pack 'it'"],
)
def test_what_carries_files_is_not_recorded(command: bytes) -> None:
    assert _run(command, b"a file's bytes").tapes == {}


def test_a_role_may_record_nothing() -> None:
    connection = _shell(SshOptions(record_shell="off"), pty())
    connection.end()
    assert connection.tapes == {}
    assert [event.recording for event in connection.told(SshShell)] == [None]


def test_every_recording_has_its_name() -> None:
    connection = Connection()
    for number in (0, 1):
        connection.open(number)
        connection.run(b"shell", number=number)
    connection.upstream(data(1, b"second"))
    assert b"second" in connection.tapes["2.cast"].lines
    assert b"second" not in connection.tapes["1.cast"].lines
    connection.channels.close()
    assert all(tape.closed for tape in connection.tapes.values())


class _Full(Tape):
    """A recording on a full disk: there is room for a header."""

    def write(self, lines: bytes) -> None:
        if self.lines:
            raise Refusal(Reason.AUDIT_UNWRITABLE, "the session cannot be recorded")
        super().write(lines)


def test_what_cannot_be_recorded_does_not_go_on() -> None:
    channels = Channels(lambda event: None, lambda: 0.0, SshOptions(), lambda name: _Full())
    connection = Connection()
    connection.channels = channels
    connection.open()
    connection.run(b"shell")
    with pytest.raises(Refusal, match="cannot be recorded"):
        connection.upstream(data(0, b"unseen"))
    assert connection.to_client == []


def test_a_shell_does_not_begin_that_cannot_be_recorded() -> None:
    def refuse(name: str) -> Tape:
        raise Refusal(Reason.AUDIT_UNWRITABLE, "the session cannot be recorded")

    connection = Connection()
    connection.channels = Channels(lambda event: None, lambda: 0.0, SshOptions(), refuse)
    connection.open()
    with pytest.raises(Refusal, match="cannot be recorded"):
        connection.client(request(100, b"shell"))
    assert connection.to_upstream == []


def test_terminals_say_how_large_they_are_at_most() -> None:
    connection = _shell(SshOptions(), pty(2**32 - 1, 7))
    assert _lines(connection.tapes["1.cast"])[0]["width"] == 65_536


def test_none_stays_open_where_the_audit_takes_no_more() -> None:
    def refuse(event: Event) -> None:
        raise Refusal(Reason.AUDIT_UNWRITABLE, "the audit log is full")

    connection = Connection()
    connection.channels = Channels(refuse, lambda: 0.0, SshOptions(), connection.record)
    for number in (0, 1):
        connection.open(number)
        connection.run(b"shell", number=number)
    with pytest.raises(Refusal, match="the audit log is full"):
        connection.channels.close()
    assert [tape.closed for tape in connection.tapes.values()] == [True, True]
