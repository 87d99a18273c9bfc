"""A role that lets clients only read by SFTP: changes are refused in place, and all else passes."""

import pytest

from protocols.errors import ClientProtocolError
from protocols.ssh.encoding import string, uint32, uint64
from protocols.ssh.events import SshDenied
from protocols.ssh.sftp_messages import Fxp
from tests.protocols.ssh.connection import READ_ONLY, adjust, close, data, eof, exit_status
from tests.protocols.ssh.sftp import (
    APPEND,
    CREAT,
    EXCL,
    HANDLE,
    READ,
    REFUSAL,
    TRUNC,
    WRITE,
    Files,
    attrs,
    close_file,
    did,
    extended,
    file_data,
    handle,
    init,
    message,
    open_file,
    read,
    refusal,
    status,
    version,
    write,
)

_OLD, _NEW = string(b"/old"), string(b"/new")
_MODE = uint32(4) + uint32(0o777)

_CHANGES = {
    "open to write": open_file(1, b"f", WRITE),
    "open to read and write": open_file(1, b"f", READ | WRITE),
    "open to append": open_file(1, b"f", APPEND),
    "open to create": open_file(1, b"f", READ | CREAT),
    "open to empty": open_file(1, b"f", READ | TRUNC),
    "open to create alone": open_file(1, b"f", EXCL),
    "open with what nobody knows": open_file(1, b"f", READ | 64),
    "write": write(1, 0, b"x" * 5000),
    "setstat": message(Fxp.SETSTAT, 1, _OLD, _MODE),
    "fsetstat": message(Fxp.FSETSTAT, 1, string(HANDLE), _MODE),
    "remove": message(Fxp.REMOVE, 1, _OLD),
    "mkdir": message(Fxp.MKDIR, 1, _OLD, _MODE),
    "rmdir": message(Fxp.RMDIR, 1, _OLD),
    "rename": message(Fxp.RENAME, 1, _OLD, _NEW),
    "symlink": message(Fxp.SYMLINK, 1, _OLD, _NEW),
    "posix-rename": extended(1, b"posix-rename@openssh.com", _OLD, _NEW),
    "hardlink": extended(1, b"hardlink@openssh.com", _OLD, _NEW),
    "lsetstat": extended(1, b"lsetstat@openssh.com", _OLD, _MODE),
    "fsync": extended(1, b"fsync@openssh.com", string(HANDLE)),
    "copy-data": extended(
        1, b"copy-data", string(HANDLE), uint64(0), uint64(0), string(HANDLE), uint64(0)
    ),
    "what nobody knows": extended(1, b"made-up@example.com", _OLD),
    "a type that nobody knows": message(99, 1, _OLD),
}
_LOOKS = {
    "open to read": open_file(1, b"f", READ),
    "open for nothing": open_file(1, b"f", 0),
    "close": close_file(1),
    "read": read(1, 0, 9),
    "stat": message(Fxp.STAT, 1, _OLD),
    "lstat": message(Fxp.LSTAT, 1, _OLD),
    "fstat": message(Fxp.FSTAT, 1, string(HANDLE)),
    "opendir": message(Fxp.OPENDIR, 1, _OLD),
    "readdir": message(Fxp.READDIR, 1, string(HANDLE)),
    "realpath": message(Fxp.REALPATH, 1, _OLD),
    "readlink": message(Fxp.READLINK, 1, _OLD),
    "statvfs": extended(1, b"statvfs@openssh.com", _OLD),
    "limits": extended(1, b"limits@openssh.com"),
    "expand-path": extended(1, b"expand-path@openssh.com", string(b"~")),
    "home-directory": extended(1, b"home-directory", string(b"")),
    "users-groups": extended(1, b"users-groups-by-id@openssh.com", string(b""), string(b"")),
}


@pytest.mark.parametrize("asked", _CHANGES.values(), ids=_CHANGES)
def test_a_change_is_refused_and_leaves_no_trace(cut: int, asked: bytes) -> None:
    files = Files(cut, READ_ONLY)
    files.ask(init(), asked, read(2, 0, 9))
    files.answer(version())
    to_client, to_upstream = files.taken()
    assert to_upstream == init() + read(2, 0, 9)
    assert to_client == refusal(1) + version()
    assert len(files.connection.told(SshDenied)) == 1
    assert files.told == []


@pytest.mark.parametrize("asked", _LOOKS.values(), ids=_LOOKS)
def test_what_changes_nothing_passes(cut: int, asked: bytes) -> None:
    files = Files(cut, READ_ONLY)
    files.ask(asked)
    assert files.taken() == (b"", asked)
    assert files.connection.told(SshDenied) == []


@pytest.mark.parametrize("asked", [_CHANGES["remove"], _CHANGES["write"]], ids=["one", "long"])
def test_the_client_gets_back_the_window_of_what_was_kept_back(cut: int, asked: bytes) -> None:
    files = Files(cut, READ_ONLY)
    files.ask(asked)
    to_client, _ = files.connection.taken()
    given = [int.from_bytes(packet[5:9], "big") for packet in to_client if packet[0] == 93]
    assert sum(given) == len(asked)
    assert all(packet[1:5] == uint32(0) for packet in to_client)


def test_what_is_refused_is_told_with_its_path() -> None:
    files = Files(options=READ_ONLY)
    files.ask(open_file(1, b"/etc/passwd", READ))
    files.answer(handle(1))
    files.ask(write(2, 0, b"root"), message(Fxp.REMOVE, 3, _OLD), close_file(4))
    files.answer(status(4))
    sentence = REFUSAL.decode()
    assert files.connection.events == [
        SshDenied("sftp write", "/etc/passwd", sentence),
        SshDenied("sftp remove", "/old", sentence),
        did("read", "/etc/passwd"),
    ]


def test_a_refusal_never_comes_within_an_answer(cut: int) -> None:
    files = Files(cut, READ_ONLY)
    files.ask(open_file(9, b"f", READ))
    files.answer(handle(9))
    files.ask(read(1, 0, 100), message(Fxp.STAT, 2, _OLD))
    files.taken()
    whole = file_data(1, b"x" * 100) + attrs(2)
    first = len(file_data(1, b"x" * 100))
    files.answer(whole[:50])
    files.ask(message(Fxp.REMOVE, 3, _OLD), message(Fxp.REMOVE, 4, _OLD))
    assert files.taken()[0] == whole[:50]
    files.answer(whole[50:])
    assert files.taken()[0] == whole[50:first] + refusal(3) + refusal(4) + whole[first:]


def test_what_the_client_has_no_room_for_waits_until_it_has() -> None:
    files = Files(options=READ_ONLY, window=20)
    connection = files.connection
    files.ask(message(Fxp.REMOVE, 1, _OLD))
    connection.upstream(data(0, version()), eof(0))
    assert files.taken() == (refusal(1)[:20], b"")
    connection.client(adjust(100, 15))
    assert files.taken() == (refusal(1)[20:35], b"")
    connection.client(adjust(100, 1000))
    to_client, to_upstream = connection.taken()
    assert to_client == [data(0, refusal(1)[35:]), data(0, version()), eof(0)]
    assert to_upstream == [adjust(100, 1015 - len(refusal(1)))]
    connection.client(adjust(100, 7))
    assert connection.taken() == ([], [adjust(100, 7)])


def test_a_client_that_closes_gets_no_more_of_what_waits() -> None:
    files = Files(options=READ_ONLY, window=50)
    files.ask(message(Fxp.REMOVE, 1, _OLD))
    files.connection.upstream(data(0, version()), exit_status(0, 0))
    files.connection.taken()
    files.connection.client(close(100))
    assert files.connection.taken() == ([exit_status(0, 0)], [close(100)])
    files.connection.upstream(data(0, version()), close(0))
    assert files.connection.taken() == ([data(0, version()), close(0)], [])


def test_refusals_are_bounded() -> None:
    files = Files(options=READ_ONLY)
    files.answer(version()[:5])
    with pytest.raises(ClientProtocolError, match="too much that it may not do"):
        files.ask(*(message(Fxp.REMOVE, number, _OLD) for number in range(2000)))
