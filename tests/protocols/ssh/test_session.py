"""What a client asks for in a session: programs, their ends, and what the role refuses."""

import pytest

from protocols.ssh.encoding import string
from protocols.ssh.events import SshDenied, SshExec, SshShell, SshSubsystem
from protocols.ssh.messages import ChannelOpen, stderr_data
from protocols.ssh.options import SshOptions
from tests.protocols.ssh.connection import (
    LARGEST,
    READ_ONLY,
    WINDOW,
    Connection,
    close,
    confirmation,
    data,
    env,
    eof,
    exit_signal,
    exit_status,
    failure,
    pty,
    request,
    size,
    success,
)

_CLOSED = SshOptions(shell=False, exec=("uptime",), sftp="off")


def _said(sentence: str, number: int = 0) -> list[bytes]:
    """How a program ends that is refused."""
    return [
        success(number),
        stderr_data(number, f"keyless: {sentence}\r\n".encode()),
        exit_status(number, 126),
        eof(number),
        close(number),
    ]


def test_a_command_is_told_when_it_is_over() -> None:
    connection = Connection()
    connection.open()
    connection.run(b"exec", b"tee \xff")
    connection.client(data(100, b"abc"))
    connection.upstream(data(0, b"abc"), data(0, b"de"), stderr_data(0, b"x"), exit_status(0, 3))
    connection.now += 1.5
    connection.upstream(close(0))
    assert connection.events == []
    connection.client(close(100))
    assert connection.events == [
        SshExec(
            command="tee \\xff",
            command_bytes=5,
            terminal=False,
            exit_status=3,
            bytes_in=3,
            bytes_out=5,
            bytes_err=1,
            duration_ms=1500,
            finished=True,
        )
    ]


def test_a_command_that_a_signal_ends_says_which() -> None:
    connection = Connection()
    connection.open()
    connection.run(b"exec", b"sleep 9")
    connection.client(request(100, b"signal", string(b"TERM"), want_reply=False))
    connection.upstream(exit_signal(0, b"TERM"))
    connection.end()
    (event,) = connection.told(SshExec)
    assert (event.signal, event.exit_status) == ("TERM", None)


def test_a_long_command_is_cut_where_it_is_told() -> None:
    connection = Connection()
    connection.open()
    connection.run(b"exec", b"x" * 70_000)
    connection.end()
    (event,) = connection.told(SshExec)
    assert (len(event.command), event.command_bytes) == (65_536, 70_000)


@pytest.mark.parametrize(
    ("name", "details", "detail", "sentence"),
    [
        (b"shell", b"", "", "this role does not allow shells"),
        (b"exec", string(b"id\xff"), "id\\xff", "this role does not allow this command"),
        (b"subsystem", string(b"sftp"), "sftp", "this role does not allow SFTP"),
        (b"subsystem", string(b"x"), "x", "this role does not allow this subsystem"),
    ],
)
def test_a_refused_program_says_why_and_ends(
    name: bytes, details: bytes, detail: str, sentence: str
) -> None:
    connection = Connection(_CLOSED)
    connection.open()
    connection.client(request(100, name, details))
    assert connection.taken() == (_said(sentence), [])
    assert connection.events == [SshDenied(name.decode(), detail, sentence)]
    connection.client(data(100, b"input"), eof(100), request(100, b"shell"), close(100))
    connection.upstream(close(0))
    assert connection.taken() == ([], [close(100)])
    assert len(connection.events) == 1
    assert not connection.channels.busy


def test_a_refused_program_whose_answer_nobody_wants_gets_none() -> None:
    connection = Connection(_CLOSED)
    connection.open()
    connection.client(request(100, b"shell", want_reply=False))
    assert connection.taken() == (_said("this role does not allow shells")[1:], [])


def test_a_sentence_that_the_client_has_no_room_for_is_not_said() -> None:
    connection = Connection(_CLOSED)
    connection.open(window=10)
    connection.client(request(100, b"shell"))
    whole = _said("this role does not allow shells")
    assert connection.taken() == ([whole[0], *whole[2:]], [])


def test_a_refusal_waits_for_the_answers_before_it() -> None:
    connection = Connection(_CLOSED)
    connection.open()
    sent = [request(100, b"pty-req", pty()), request(100, b"env", env(b"LANG", b"C"))]
    connection.client(*sent, request(100, b"shell"))
    assert connection.taken() == ([], sent)
    connection.upstream(success(0))
    assert connection.taken() == ([success(0)], [])
    connection.upstream(failure(0))
    assert connection.taken() == ([failure(0), *_said("this role does not allow shells")], [])


def test_a_refusal_waits_for_no_answer_that_will_not_come() -> None:
    connection = Connection(_CLOSED)
    connection.open()
    connection.client(request(100, b"pty-req", pty()), request(100, b"shell"))
    connection.taken()
    connection.upstream(close(0))
    assert connection.taken() == (_said("this role does not allow shells"), [])
    connection.client(close(100))
    assert connection.taken() == ([], [close(100)])
    assert not connection.channels.busy


def test_no_channel_is_opened_before_upstream_has_closed_a_refused_one() -> None:
    connection = Connection(_CLOSED)
    connection.open()
    connection.client(request(100, b"shell"), close(100))
    connection.taken()
    again = ChannelOpen(b"session", 0, WINDOW, LARGEST).encode()
    denied = ChannelOpen(b"tun@openssh.com", 1, WINDOW, LARGEST).encode()
    connection.client(again, denied)
    connection.upstream(ChannelOpen(b"x11", 101, 1, 1, string(b"::1") + b"\0\0\0\1").encode())
    assert connection.taken() == ([], [])
    connection.upstream(close(0))
    to_client, to_upstream = connection.taken()
    assert [packet[0] for packet in to_client] == [92]
    assert [packet[0] for packet in to_upstream] == [90, 92]
    assert to_upstream[0] == again
    connection.upstream(confirmation(0, 100))
    connection.run(b"exec", b"uptime")
    connection.end()
    assert len(connection.told(SshExec)) == 1


def test_one_program_runs_in_a_session() -> None:
    connection = Connection()
    connection.open()
    connection.run(b"exec", b"true")
    connection.client(request(100, b"exec", string(b"false")))
    assert connection.taken() == ([failure(0)], [])
    assert connection.told(SshDenied) == [SshDenied("exec", "", "a session runs one program only")]


def test_another_program_may_be_asked_for_after_one_that_upstream_does_not_have() -> None:
    connection = Connection(SshOptions(subsystems=("netconf",)))
    connection.open()
    connection.client(request(100, b"subsystem", string(b"netconf")))
    connection.upstream(failure(0))
    connection.run(b"exec", b"netconf")
    connection.end()
    (first,), (second,) = connection.told(SshSubsystem), connection.told(SshExec)
    assert connection.events == [first, second]
    assert (first.subsystem, first.accepted, second.accepted) == ("netconf", False, True)


def test_a_program_that_comes_behind_its_input_is_refused() -> None:
    connection = Connection(READ_ONLY)
    connection.open()
    connection.client(data(100, b"what SFTP would take for a request"))
    connection.taken()
    connection.client(request(100, b"subsystem", string(b"sftp")))
    assert connection.taken() == ([failure(0)], [])


def test_variables_pass_by_their_names() -> None:
    connection = Connection(SshOptions(accept_env=("LC_*",)))
    connection.open()
    passing = request(100, b"env", env(b"LC_ALL", b"C"), want_reply=False)
    connection.client(passing, request(100, b"env", env(b"LANG", b"secret"), want_reply=False))
    connection.client(request(100, b"env", env(b"LANG", b"secret")))
    assert connection.taken() == ([failure(0)], [passing])
    sentence = "this role does not let clients set this variable"
    assert connection.events == [SshDenied("env", "LANG", sentence)] * 2


@pytest.mark.parametrize(
    ("name", "details"),
    [
        (b"break", b"\0\0\0\0"),
        (b"window-change", size(100, 40)),
        (b"keepalive@openssh.com", b""),
        (b"eow@openssh.com", b""),
        (b"winadj@putty.projects.tartarus.org", b""),
    ],
)
def test_what_does_no_harm_passes(name: bytes, details: bytes) -> None:
    connection = Connection(_CLOSED)
    connection.open()
    asked = request(100, name, details)
    connection.client(asked)
    connection.upstream(failure(0))
    assert connection.taken() == ([failure(0)], [asked])


def test_what_nobody_knows_is_refused() -> None:
    connection = Connection()
    connection.open()
    connection.client(request(100, b"jump@example.com"))
    assert connection.taken() == ([failure(0)], [])
    assert len(connection.told(SshDenied)) == 1


def test_what_upstream_asks_reaches_the_client() -> None:
    connection = Connection()
    connection.open()
    connection.run(b"shell")
    asked = request(0, b"keepalive@openssh.com")
    connection.upstream(asked)
    connection.client(success(100))
    assert connection.taken() == ([asked], [success(100)])
    connection.end()
    (event,) = connection.told(SshShell)
    assert (event.terminal, event.finished) == (False, True)
