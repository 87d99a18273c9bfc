"""What counts as a sign that somebody is at a session, and what is at work without one."""

import pytest

from protocols.ssh.encoding import string
from protocols.ssh.messages import REQUEST_FAILURE, ChannelOpen, stderr_data
from protocols.ssh.options import SshOptions
from tests.protocols.ssh.connection import (
    LARGEST,
    WINDOW,
    Connection,
    adjust,
    close,
    confirmation,
    data,
    env,
    eof,
    exit_status,
    failure,
    global_request,
    pty,
    request,
    success,
    tcp,
)
from tests.protocols.ssh.sftp import OK, READ, Files, handle, open_file, read, status, version

_KEEPALIVE = b"keepalive@openssh.com"


def _moved(connection: Connection) -> int:
    moved = connection.channels.moved
    assert moved is not None
    return moved


def _shell(*, terminal: bool = True) -> Connection:
    connection = Connection()
    connection.open()
    if terminal:
        connection.run_pty(pty())
    connection.run(b"shell")
    return connection


def test_a_connection_without_channels_waits_for_its_client() -> None:
    connection = Connection()
    assert _moved(connection) == 0
    connection.open()
    connection.client(close(100))
    connection.upstream(close(0))
    assert _moved(connection) > 0


def test_data_is_a_sign_of_somebody_either_way() -> None:
    connection = _shell()
    before = _moved(connection)
    connection.client(data(100, b"ls\r"))
    connection.upstream(data(0, b"ls\r\n"), stderr_data(0, b"a\r\n"))
    assert _moved(connection) == before + 3 + 4 + 3


def test_what_is_asked_for_is_one_as_well() -> None:
    connection = _shell()
    before = _moved(connection)
    connection.client(request(100, b"env", env(b"LANG", b"C")))
    assert (asked := _moved(connection)) > before
    connection.upstream(success(0))
    connection.client(ChannelOpen(b"session", 1, WINDOW, LARGEST).encode())
    connection.upstream(confirmation(1, 101))
    assert _moved(connection) > asked


def test_signs_of_life_are_none() -> None:
    """Whichever side's programs send them, and by whichever message."""
    connection = _shell()
    before = _moved(connection)
    connection.client(global_request(_KEEPALIVE), request(100, _KEEPALIVE), adjust(100, 5))
    connection.upstream(REQUEST_FAILURE, failure(0), global_request(_KEEPALIVE))
    connection.upstream(request(0, _KEEPALIVE), adjust(0, 5))
    connection.client(REQUEST_FAILURE, failure(100))
    assert _moved(connection) == before


def test_a_command_is_at_work_until_it_ends() -> None:
    connection = Connection()
    connection.open()
    connection.run(b"exec", b"make")
    assert connection.channels.moved is None
    connection.upstream(exit_status(0, 0), close(0))
    assert connection.channels.moved is None
    connection.client(close(100))
    assert _moved(connection) > 0


@pytest.mark.parametrize("name", [b"shell", b"exec"])
def test_nobody_knows_what_a_silent_terminal_does(name: bytes) -> None:
    connection = Connection()
    connection.open()
    connection.run_pty(pty())
    connection.run(name, None if name == b"shell" else b"top")
    assert _moved(connection) > 0


@pytest.mark.parametrize("terminal", [False, True])
def test_what_its_client_feeds_no_more_is_at_work(terminal: bool) -> None:
    connection = _shell(terminal=terminal)
    connection.client(data(100, b"make\n"))
    assert _moved(connection) > 0
    connection.client(eof(100))
    assert connection.channels.moved is None
    connection.end()
    assert _moved(connection) > 0


def test_one_that_is_at_work_is_enough() -> None:
    connection = _shell()
    connection.open(1)
    connection.run(b"exec", b"make", number=1)
    assert connection.channels.moved is None
    connection.end(1)
    assert _moved(connection) > 0


def test_sftp_is_at_work_where_an_answer_is_owed() -> None:
    files = Files()
    files.answer(version())
    assert _moved(files.connection) > 0
    files.ask(open_file(1, b"f", READ))
    assert files.connection.channels.moved is None
    files.answer(handle(1))
    assert _moved(files.connection) > 0
    files.ask(read(2, 0, 9))
    files.answer(status(2, OK))
    assert _moved(files.connection) > 0


def test_other_subsystems_wait_for_their_clients() -> None:
    connection = Connection(SshOptions(subsystems=("netconf",)))
    connection.open()
    connection.run(b"subsystem", b"netconf")
    assert _moved(connection) > 0


def test_a_forwarded_connection_is_as_idle_as_it_is_silent() -> None:
    connection = Connection(SshOptions(forward_local=("*",)))
    opened = ChannelOpen(b"direct-tcpip", 0, WINDOW, LARGEST, tcp(b"db", 5432)).encode()
    connection.client(opened)
    assert connection.channels.moved is None
    connection.upstream(confirmation(0, 100))
    before = _moved(connection)
    connection.client(data(100, b"SELECT 1"), eof(100))
    assert _moved(connection) == before + 8


def test_a_program_that_upstream_does_not_have_is_not_at_work() -> None:
    connection = Connection()
    connection.open()
    connection.client(request(100, b"exec", string(b"make")))
    assert connection.channels.moved is None
    connection.upstream(failure(0))
    assert _moved(connection) > 0
