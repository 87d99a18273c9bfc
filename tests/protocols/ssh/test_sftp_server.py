"""OpenSSH's own sftp-server: what it answers is read as it means it."""

import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from protocols.ssh.encoding import string, uint32, uint64
from protocols.ssh.events import SshDenied
from protocols.ssh.sftp_messages import Fxp
from tests.protocols.ssh.connection import READ_ONLY
from tests.protocols.ssh.sftp import (
    CREAT,
    DENIED,
    NO_ATTRIBUTES,
    READ,
    TRUNC,
    WRITE,
    Files,
    close_file,
    extended,
    init,
    message,
    open_file,
    read,
    write,
)

_SERVER = "/usr/lib/openssh/sftp-server"


class _Served:
    """A client of a real server in this folder: each request waits for its answer."""

    def __init__(self, files: Files, folder: Path) -> None:
        self._files = files
        pipe = subprocess.PIPE
        self._server = subprocess.Popen([_SERVER], stdin=pipe, stdout=pipe, cwd=folder)

    def close(self) -> None:
        self._server.communicate(timeout=10)

    def ask(self, asked: bytes) -> bytes:
        """What the client is answered, without its length."""
        self._files.ask(asked)
        answered, onward = self._files.taken()
        if onward:
            assert self._server.stdin is not None
            self._server.stdin.write(onward)
            self._server.stdin.flush()
            self._files.answer(self._answer())
            answered += self._files.taken()[0]
        return answered[4:]

    def open(self, path: bytes, flags: int) -> bytes:
        answer = self.ask(open_file(1, path, flags))
        assert answer[0] == Fxp.HANDLE
        return answer[9:]

    def _answer(self) -> bytes:
        assert self._server.stdout is not None
        length = self._server.stdout.read(4)
        return length + self._server.stdout.read(int.from_bytes(length, "big"))


@pytest.fixture
def files(cut: int, request: pytest.FixtureRequest) -> Files:
    return Files(cut, getattr(request, "param", None))


@pytest.fixture
def served(files: Files, tmp_path: Path) -> Iterator[_Served]:
    served = _Served(files, tmp_path)
    try:
        assert served.ask(init())[:5] == bytes((Fxp.VERSION,)) + uint32(3)
        yield served
    finally:
        served.close()


def test_files_there_and_back(served: _Served, files: Files, tmp_path: Path) -> None:
    content = bytes(range(256)) * 20
    handle = served.open(b"f", WRITE | CREAT | TRUNC)
    for start in range(0, len(content), 1000):
        served.ask(write(2, start, content[start : start + 1000], handle))
    served.ask(close_file(3, handle))
    assert (tmp_path / "f").read_bytes() == content
    handle = served.open(b"f", READ)
    answers = [served.ask(read(4, start, 1500, handle)) for start in range(0, 7500, 1500)]
    assert [answer[0] for answer in answers] == [Fxp.DATA] * 4 + [Fxp.STATUS]
    assert b"".join(answer[9:] for answer in answers[:4]) == content
    served.ask(close_file(5, handle))
    written, got = files.told
    digest = sha256(content).hexdigest()
    assert (written.operation, written.bytes_written, written.sha256) == ("write", 5120, digest)
    assert (got.operation, got.bytes_read, got.sha256) == ("read", 5120, digest)


def test_what_changes_a_tree(served: _Served, files: Files, tmp_path: Path) -> None:
    served.ask(close_file(1, served.open(b"a", WRITE | CREAT)))
    served.ask(message(Fxp.MKDIR, 2, string(b"d"), NO_ATTRIBUTES))
    served.ask(extended(3, b"posix-rename@openssh.com", string(b"a"), string(b"d/b")))
    served.ask(message(Fxp.SYMLINK, 4, string(b"d/b"), string(b"link")))
    served.ask(extended(5, b"hardlink@openssh.com", string(b"d/b"), string(b"hard")))
    served.ask(message(Fxp.SETSTAT, 6, string(b"hard"), uint32(4) + uint32(0o600)))
    served.ask(message(Fxp.RMDIR, 7, string(b"d")))
    assert (tmp_path / "link").readlink() == Path("d/b")
    assert (tmp_path / "hard").stat().st_mode & 0o777 == 0o600
    told = [(event.operation, event.path, event.target, event.status) for event in files.told]
    assert told == [
        ("write", "a", None, "ok"),
        ("mkdir", "d", None, "ok"),
        ("rename", "a", "d/b", "ok"),
        ("symlink", "link", "d/b", "ok"),
        ("hardlink", "hard", "d/b", "ok"),
        ("setstat", "hard", None, "ok"),
        ("rmdir", "d", None, "failure"),
    ]


def test_a_copy_on_the_server(served: _Served, files: Files, tmp_path: Path) -> None:
    (tmp_path / "from").write_bytes(b"content")
    source, target = served.open(b"from", READ), served.open(b"to", WRITE | CREAT)
    fields = string(source), uint64(0), uint64(0), string(target), uint64(0)
    served.ask(extended(3, b"copy-data", *fields))
    assert (tmp_path / "to").read_bytes() == b"content"
    (event,) = files.told
    assert (event.operation, event.path, event.target) == ("copy", "from", "to")


@pytest.mark.parametrize("files", [READ_ONLY], indirect=True)
def test_a_reader_changes_nothing(served: _Served, files: Files, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"content")
    handle = served.open(b"f", READ)
    refused = [
        open_file(2, b"f", READ | WRITE),
        open_file(2, b"new", CREAT),
        write(2, 0, b"other", handle),
        message(Fxp.REMOVE, 2, string(b"f")),
        extended(2, b"posix-rename@openssh.com", string(b"f"), string(b"g")),
    ]
    for asked in refused:
        answer = served.ask(asked)
        assert (answer[0], answer[5:9]) == (Fxp.STATUS, uint32(DENIED))
    assert served.ask(read(3, 0, 99, handle))[9:] == b"content"
    served.ask(close_file(4, handle))
    assert [path.name for path in tmp_path.iterdir()] == ["f"]
    assert (tmp_path / "f").read_bytes() == b"content"
    assert len(files.connection.told(SshDenied)) == len(refused)
