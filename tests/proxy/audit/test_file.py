"""The file of chained lines: goes on where it ended, whoever wrote it, and never in mid-line."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from resource import RLIM_INFINITY, RLIMIT_FSIZE, setrlimit

import pytest

from proxy.audit.chain import verify
from proxy.audit.end import End
from proxy.audit.file import ChainedFile


@pytest.fixture
def path(artefacts: Path, request: pytest.FixtureRequest) -> Path:
    return artefacts / f"{request.node.name}.jsonl"


def _write(path: Path, *numbers: int) -> None:
    with closing(ChainedFile(path)) as file:
        file.append([b'{"n":%d' % number for number in numbers])


def _breaks(path: Path) -> int | None:
    broken = verify(path.read_bytes().splitlines(keepends=True))
    return broken.line if broken else None


@contextmanager
def _file_size(limit: int) -> Iterator[None]:
    """A full disk, in small: nothing is written beyond this size."""
    setrlimit(RLIMIT_FSIZE, (limit, RLIM_INFINITY))
    try:
        yield
    finally:
        setrlimit(RLIMIT_FSIZE, (RLIM_INFINITY, RLIM_INFINITY))


def test_it_goes_on_after_a_restart(path: Path) -> None:
    _write(path, 1, 2)
    _write(path, 3)
    assert path.read_bytes().count(b"\n") == 3
    assert _breaks(path) is None


def test_it_is_its_owners_alone(path: Path) -> None:
    _write(path, 1)
    assert path.stat().st_mode & 0o777 == 0o600


def test_two_who_write_in_turn_make_one_chain(path: Path) -> None:
    with closing(ChainedFile(path)) as one, closing(ChainedFile(path)) as other:
        for number in range(10):
            (one if number % 3 else other).append([b'{"n":%d' % number, b'{"n":0'])
    assert path.read_bytes().count(b"\n") == 20
    assert _breaks(path) is None


def test_a_long_file_goes_on_too(path: Path) -> None:
    with closing(ChainedFile(path)) as file:
        for _ in range(40):
            file.append([b'{"text":"%b"' % (b"x" * 65_000)])
    _write(path, 1)
    assert path.stat().st_size > 2 << 20
    assert _breaks(path) is None


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("size", [1_900, 2_048, 65_000, 66_000, 131_072, 3 << 20])
def test_it_goes_on_after_a_line_of_any_length(path: Path, size: int, before: int) -> None:
    _write(path, *range(before))
    with closing(ChainedFile(path)) as file:
        file.append([b'{"text":"%b"' % (b"x" * size)])
    _write(path, 1)
    assert path.read_bytes().count(b"\n") == before + 2
    assert _breaks(path) is None


def test_a_long_line_cut_off_by_a_crash_is_ended_and_found(path: Path) -> None:
    _write(path, 1)
    with path.open("ab") as file:
        file.write(b'{"text":"' + b"x" * 200_000)
    _write(path, 3)
    assert path.read_bytes().count(b"\n") == 3
    assert _breaks(path) == 2


def test_a_line_cut_off_by_a_crash_is_ended_and_found(path: Path) -> None:
    _write(path, 1)
    with path.open("ab") as file:
        file.write(b'{"n":2,"pr')
    _write(path, 3)
    assert [line[:6] for line in path.read_bytes().splitlines()] == [
        b'{"n":1',
        b'{"n":2',
        b'{"n":3',
    ]
    assert _breaks(path) == 2


def test_what_does_not_fit_is_not_begun(path: Path) -> None:
    with closing(ChainedFile(path)) as file:
        file.append([b'{"n":1'])
        before = path.read_bytes()
        with _file_size(len(before) + 10), pytest.raises(OSError, match="File too large"):
            file.append([b'{"n":2'])
        assert path.read_bytes() == before
        file.append([b'{"n":2'])
    assert _breaks(path) is None


def test_a_device_is_written_and_not_read() -> None:
    with closing(ChainedFile(Path("/dev/null"))) as file:
        file.append([b'{"n":1'])
    with closing(ChainedFile(Path("/dev/full"))) as file, pytest.raises(OSError, match="No space"):
        file.append([b'{"n":1'])


def test_a_pipe_has_a_chain_of_its_own(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    _write(tmp_path / "pipe", 1, 2)
    assert verify(os.read(reader, 1000).splitlines(keepends=True)) is None
    os.close(reader)


def test_several_who_know_its_end_make_one_chain_on_a_pipe(tmp_path: Path) -> None:
    """And what one was killed over is ended and found, as in a file."""
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    end = End()
    with closing(ChainedFile(tmp_path / "pipe", end)) as one:
        with closing(ChainedFile(tmp_path / "pipe", end)) as other:
            for number in range(10):
                (one if number % 3 else other).append([b'{"n":%d' % number, b'{"n":0'])
        written = os.read(reader, 10_000)
        assert written.count(b"\n") == 20
        assert verify(written.splitlines(keepends=True)) is None
        end.torn = True
        one.append([b'{"n":1'])
    written += b'{"n":1,"pr' + os.read(reader, 10_000)
    os.close(reader)
    broken = verify(written.splitlines(keepends=True))
    assert broken is not None
    assert (broken.line, written.count(b"\n")) == (21, 22)


def test_a_file_is_read_whatever_its_end_is_said_to_be(path: Path) -> None:
    """Others may write it who do not know of that."""
    end = End()
    with closing(ChainedFile(path, end)) as file:
        file.append([b'{"n":1'])
        _write(path, 2)
        file.append([b'{"n":3'])
    assert _breaks(path) is None
    assert end.digest == End().digest


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ChainedFile(tmp_path / "none" / "audit.jsonl")
    with pytest.raises(IsADirectoryError):
        ChainedFile(tmp_path)
