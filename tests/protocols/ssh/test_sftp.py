"""What a client does to files: each thing is told when upstream has answered it."""

from hashlib import sha256

import pytest

from protocols.errors import ClientProtocolError, ServerProtocolError
from protocols.ssh.encoding import string, uint32, uint64
from protocols.ssh.events import SshSubsystem
from protocols.ssh.messages import stderr_data
from protocols.ssh.options import SshOptions
from protocols.ssh.sftp_messages import Fxp
from tests.protocols.ssh.connection import contents, data, failure, request
from tests.protocols.ssh.sftp import (
    APPEND,
    CREAT,
    END,
    FAILURE,
    HANDLE,
    NO_SUCH_FILE,
    READ,
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
    names,
    open_file,
    read,
    status,
    version,
    write,
)

_OLD, _NEW = string(b"/old"), string(b"/new")
_MODE = uint32(1 | 2 | 4 | 8) + uint64(9) + uint32(0) + uint32(5) + uint32(0o104755) + uint32(1) * 2
_MODE_TOLD = "size=9 uid=0 gid=5 mode=4755 atime=1 mtime=1"


def test_a_download_is_told_with_its_digest(cut: int) -> None:
    files = Files(cut)
    asked = [init(), open_file(1, b"/etc/motd", READ), read(2, 0, 4), read(3, 4, 4), read(4, 8, 4)]
    said = [version(), handle(1), file_data(2, b"abcd"), file_data(3, b"ef"), status(4, END)]
    files.ask(*asked[:2])
    files.answer(*said[:2])
    files.ask(*asked[2:])
    files.answer(*said[2:])
    assert files.taken() == (b"".join(said), b"".join(asked))
    assert files.told == []
    files.connection.now += 0.5
    files.ask(close_file(5))
    files.answer(status(5))
    digest = sha256(b"abcdef").hexdigest()
    assert files.told == [did("read", "/etc/motd", bytes_read=6, sha256=digest, duration_ms=500)]


def test_an_upload_is_told_with_its_digest(cut: int) -> None:
    files = Files(cut)
    content = bytes(range(256)) * 12
    pieces = [content[start : start + 1_000] for start in range(0, len(content), 1_000)]
    files.ask(open_file(1, b"up \xff", WRITE | CREAT | TRUNC))
    files.answer(handle(1))
    for number, piece in enumerate(pieces):
        files.ask(write(10 + number, 1_000 * number, piece))
    files.answer(*(status(10 + number) for number in range(len(pieces))))
    files.ask(close_file(2))
    files.answer(status(2))
    digest = sha256(content).hexdigest()
    assert files.told == [did("write", "up \\xff", bytes_written=len(content), sha256=digest)]


@pytest.mark.parametrize(
    ("asked", "said", "bytes_read", "bytes_written", "outcome"),
    [
        (
            [read(2, 4, 4), read(3, 0, 4)],
            [file_data(2, b"4567"), file_data(3, b"0123")],
            8,
            0,
            "ok",
        ),
        ([write(2, 4, b"4567")], [status(2)], 0, 4, "ok"),
        ([write(2, 0, b"01"), write(3, 0, b"01")], [status(2), status(3)], 0, 4, "ok"),
        ([write(2, 0, b"01"), read(3, 0, 2)], [status(2), file_data(3, b"01")], 2, 2, "ok"),
        ([write(2, 0, b"01"), write(3, 2, b"2")], [status(2), status(3, FAILURE)], 0, 2, "failure"),
        ([read(2, 0, 4)], [status(2, FAILURE)], 0, 0, "failure"),
        ([read(2, 0, 4)], [status(2, END)], 0, 0, "ok"),
    ],
)
def test_what_is_no_one_run_of_bytes_has_no_digest(
    asked: list[bytes], said: list[bytes], bytes_read: int, bytes_written: int, outcome: str
) -> None:
    files = Files()
    files.ask(open_file(1, b"f", READ | WRITE))
    files.answer(handle(1))
    files.ask(*asked)
    files.answer(*said)
    files.ask(close_file(9))
    files.answer(status(9))
    event = did("write", "f", bytes_read=bytes_read, bytes_written=bytes_written, status=outcome)
    assert files.told == [event]


def test_what_is_appended_has_no_digest() -> None:
    files = Files()
    files.ask(open_file(1, b"log", WRITE | APPEND))
    files.answer(handle(1))
    files.ask(write(2, 0, b"line"), close_file(3))
    files.answer(status(2), status(3))
    assert files.told == [did("write", "log", bytes_written=4)]


def test_files_that_are_open_at_once_are_told_apart(cut: int) -> None:
    files = Files(cut)
    files.ask(open_file(1, b"a", READ), open_file(2, b"b", READ))
    files.answer(handle(2, b"hb"), handle(1, b"ha"))
    files.ask(read(3, 0, 9, b"ha"), read(4, 0, 9, b"hb"))
    files.answer(file_data(4, b"of b"), file_data(3, b"of a!"))
    files.ask(close_file(5, b"ha"), close_file(6, b"hb"))
    files.answer(status(6), status(5))
    assert [(event.path, event.bytes_read) for event in files.told] == [("b", 4), ("a", 5)]


def test_a_handle_may_be_used_again_once_it_is_closed() -> None:
    files = Files()
    for number, path in enumerate((b"a", b"b")):
        files.ask(open_file(number, path, READ))
        files.answer(handle(number))
        files.ask(close_file(9))
        files.answer(status(9, FAILURE if path == b"a" else 0))
    assert files.told == [did("read", "a", status="failure"), did("read", "b")]


def test_a_client_that_guesses_a_handle_is_told_all_the_same(cut: int) -> None:
    files = Files(cut)
    files.ask(open_file(1, b"a", READ), read(2, 0, 9), close_file(3))
    files.ask(open_file(4, b"b", WRITE), write(5, 0, b"guessed"), close_file(6))
    files.answer(handle(1), file_data(2, b"abc"), status(3))
    files.answer(handle(4), status(5), status(6))
    read_a, wrote_b = files.told
    assert (read_a.path, read_a.bytes_read) == ("a", 3)
    assert (wrote_b.path, wrote_b.bytes_written, wrote_b.sha256) == ("b", 7, None)


@pytest.mark.parametrize(
    ("asked", "event"),
    [
        (message(Fxp.REMOVE, 1, _OLD), did("remove", "/old")),
        (message(Fxp.RENAME, 1, _OLD, _NEW), did("rename", "/old", target="/new")),
        (message(Fxp.MKDIR, 1, _NEW, _MODE), did("mkdir", "/new", attributes=_MODE_TOLD)),
        (message(Fxp.RMDIR, 1, _OLD), did("rmdir", "/old")),
        (message(Fxp.SETSTAT, 1, _OLD, _MODE), did("setstat", "/old", attributes=_MODE_TOLD)),
        (message(Fxp.SYMLINK, 1, _OLD, _NEW), did("symlink", "/new", target="/old")),
        (
            extended(1, b"posix-rename@openssh.com", _OLD, _NEW),
            did("rename", "/old", target="/new"),
        ),
        (extended(1, b"hardlink@openssh.com", _OLD, _NEW), did("hardlink", "/new", target="/old")),
        (
            extended(1, b"lsetstat@openssh.com", _OLD, uint32(4), uint32(0o600)),
            did("setstat", "/old", attributes="mode=0600"),
        ),
        (extended(1, b"made-up@example.com", _OLD), did("made-up@example.com", "")),
        (message(99, 1), did("type 99", "")),
    ],
)
@pytest.mark.parametrize(
    ("code", "word"), [(0, "ok"), (NO_SUCH_FILE, "no such file"), (77, "status 77")]
)
def test_what_changes_something_is_told(
    cut: int, asked: bytes, event: object, code: int, word: str
) -> None:
    files = Files(cut)
    files.ask(asked)
    assert files.told == []
    files.answer(status(1, code))
    (told,) = files.told
    assert told.status == word
    told.status = "ok"
    assert told == event


def test_what_is_done_by_a_handle_is_told_by_its_path() -> None:
    files = Files()
    files.ask(open_file(1, b"from", READ), open_file(2, b"to", WRITE))
    files.answer(handle(1, b"f"), handle(2, b"t"))
    files.ask(message(Fxp.FSETSTAT, 3, string(b"t"), uint32(1), uint64(7)))
    files.ask(extended(4, b"fsync@openssh.com", string(b"t")))
    copied = string(b"f"), uint64(0), uint64(7), string(b"t"), uint64(0)
    files.ask(extended(5, b"copy-data", *copied))
    files.answer(status(3), status(4), status(5))
    assert files.told == [
        did("setstat", "to", attributes="size=7"),
        did("fsync", "to"),
        did("copy", "from", target="to", bytes_written=7),
    ]


def test_a_directory_is_told_when_it_is_opened() -> None:
    files = Files()
    files.ask(message(Fxp.OPENDIR, 1, string(b"/srv")), message(Fxp.OPENDIR, 2, string(b"/no")))
    files.answer(handle(1), status(2, NO_SUCH_FILE))
    files.ask(message(Fxp.READDIR, 3, string(HANDLE)), close_file(4))
    files.answer(names(3, b"a", b"b"), status(4))
    assert files.told == [did("opendir", "/srv"), did("opendir", "/no", status="no such file")]


def test_a_file_that_upstream_does_not_open_is_told() -> None:
    files = Files()
    files.ask(open_file(1, b"/etc/shadow", READ))
    files.answer(status(1, 3))
    assert files.told == [did("open", "/etc/shadow", status="permission denied")]


_LOOKUPS = [
    (message(Fxp.STAT, 1, _OLD), attrs(1), "stat"),
    (message(Fxp.LSTAT, 1, _OLD), status(1, NO_SUCH_FILE), "lstat"),
    (message(Fxp.REALPATH, 1, _OLD), names(1, b"/old"), "realpath"),
    (message(Fxp.READLINK, 1, _OLD), names(1, b"/new"), "readlink"),
    (
        extended(1, b"statvfs@openssh.com", _OLD),
        message(Fxp.EXTENDED_REPLY, 1, uint64(0) * 11),
        "statvfs",
    ),
    (extended(1, b"expand-path@openssh.com", _OLD), names(1, b"/old"), "expand-path"),
]


@pytest.mark.parametrize(("asked", "answered", "operation"), _LOOKUPS)
def test_lookups_are_told_where_the_role_says_so(
    asked: bytes, answered: bytes, operation: str
) -> None:
    for lookups in (False, True):
        files = Files(options=SshOptions(audit_lookups=lookups))
        files.ask(asked)
        files.answer(answered)
        told = [(event.operation, event.path) for event in files.told]
        assert told == ([(operation, "/old")] if lookups else [])


def test_a_client_is_brought_down_to_the_version_that_is_read(cut: int) -> None:
    files = Files(cut)
    files.ask(init(6, b"vendor-id", b"x"), init(2))
    assert files.taken() == (b"", init(3, b"vendor-id", b"x") + init(2))
    files.answer(version(3))
    with pytest.raises(ServerProtocolError):
        files.answer(version(4))


def test_what_is_unfinished_is_told() -> None:
    files = Files()
    files.ask(open_file(1, b"a", READ), open_file(2, b"b", READ), message(Fxp.REMOVE, 3, _OLD))
    files.answer(handle(1), file_data(9, b"")[:0])
    files.ask(read(4, 0, 9))
    files.answer(file_data(4, b"whole")[:-2])
    files.connection.end()
    assert files.told == [
        did("open", "b", status=None, finished=False),
        did("remove", "/old", status=None, finished=False),
        did("read", "a", bytes_read=3, sha256=sha256(b"who").hexdigest(), finished=False),
    ]
    (event,) = files.connection.told(SshSubsystem)
    assert (event.subsystem, event.finished, event.bytes_in > 0) == ("sftp", True, True)


def test_what_is_no_sftp_is_left_alone() -> None:
    files = Files()
    files.connection.upstream(stderr_data(0, b"\xff" * 20))
    files.connection.client(request(100, b"keepalive@openssh.com"))
    files.connection.upstream(failure(0))
    other = Files(options=SshOptions(subsystems=("*",)))
    other.connection.open(1)
    other.connection.run(b"exec", b"/usr/lib/openssh/sftp-server", 1)
    other.connection.client(data(101, b"\0\0\0\1\xff"))
    assert contents(other.connection.to_upstream) == b"\0\0\0\1\xff"


@pytest.mark.parametrize(
    "asked",
    [
        b"\0\0\0\0" + bytes(9),
        b"\0\0\0\4\3" + bytes(9),
        b"\0\1\0\0\3" + bytes(9),
        message(Fxp.OPEN, 1, string(b"x")),
        message(Fxp.OPEN, 1, uint32(9) + b"x"),
        message(Fxp.READ, 1, string(bytes(257)), uint64(0), uint32(0)),
        message(Fxp.WRITE, 1, string(bytes(257)), uint64(0), string(b"")),
        message(Fxp.WRITE, 1, string(HANDLE), uint64(0), uint32(9) + b"short"),
        message(Fxp.WRITE, 1, string(HANDLE)) + bytes(20),
        message(Fxp.STAT, 1, _OLD) * 2,
    ],
)
def test_a_request_that_cannot_be_ends_the_session(cut: int, asked: bytes) -> None:
    with pytest.raises(ClientProtocolError):
        Files(cut).ask(asked)


@pytest.mark.parametrize(
    "said",
    [
        status(7),
        b"\0\0\0\4\x65" + bytes(9),
        message(Fxp.STATUS, 2),
        message(Fxp.HANDLE, 2, string(bytes(257))),
        handle(2),
        handle(3),
        file_data(1, b"x"),
        file_data(4, b"x"),
        status(5),
    ],
)
def test_an_answer_that_cannot_be_ends_the_session(cut: int, said: bytes) -> None:
    files = Files(cut)
    files.ask(open_file(1, b"a", READ))
    files.answer(handle(1))
    files.ask(open_file(1, b"b", READ), open_file(2, b"c", READ), message(Fxp.STAT, 3, _OLD))
    files.ask(read(4, 0, 9, b"unknown"), write(5, 0, b"x", b"unknown"))
    with pytest.raises(ServerProtocolError):
        files.answer(said)
