"""Secrets in real files: text, JSON, and directories as Kubernetes mounts and changes them."""

import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, cycle
from pathlib import Path

import pytest

from providers.api import Secret
from providers.errors import (
    AccessDenied,
    KeyNotFound,
    ProviderUnavailable,
    SecretNotFound,
    SecretUnreadable,
)
from providers.file import File
from providers.json_secret import LARGEST
from tests.providers.reading import PATIENCE, lasting, read
from tests.secrecy import CANARY, canary
from tests.waiting import eventually

FILE = File({})
_NOBODY = 65_534


class Volume:
    """A directory that changes as the kubelet changes a secret's volume."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._numbers = count()
        path.mkdir()

    def write(self, **files: str) -> None:
        """New files in a new directory, one link swapped to it, and the old directory removed."""
        before = self.path / "..data"
        old = before.resolve() if before.is_symlink() else None
        new = self.path / f"..version-{next(self._numbers)}"
        new.mkdir()
        for name, text in files.items():
            (new / name).write_text(text)
            if not (self.path / name).is_symlink():
                (self.path / name).symlink_to(f"..data/{name}")
        link = self.path / "..data_tmp"
        link.symlink_to(new.name)
        link.rename(before)
        if old is not None:
            shutil.rmtree(old)


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    return Volume(tmp_path / "volume")


def stored(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# -- files -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (CANARY, CANARY),
        (f"{CANARY}\n", CANARY),
        (f"{CANARY}\r\n", CANARY),
        (f"{CANARY}\n\n", f"{CANARY}\n"),
        (f" {CANARY}\t\n", f" {CANARY}\t"),
        (f"one\n{CANARY}\n", f"one\n{CANARY}"),
        ("grüße\n", "grüße"),
        ("1000000\n", "1000000"),
        ("", ""),
    ],
    ids=["text", "newline", "crlf", "two", "spaces", "lines", "unicode", "number", "empty"],
)
def test_a_file_is_read_whole_less_one_newline(tmp_path: Path, content: str, value: str) -> None:
    path = stored(tmp_path / "password", content)
    assert read(FILE, str(path)) == Secret(value)


def test_a_key_of_a_json_file_is_read(tmp_path: Path) -> None:
    path = stored(tmp_path / "db.json", f'{{"user": "app", "password": "{CANARY}", "pin": 1e6}}\n')
    assert read(FILE, f"{path}:user") == Secret("app")
    assert read(FILE, f"{path}:password") == Secret(CANARY)
    assert read(FILE, f"{path}:pin") == Secret("1e6")
    with pytest.raises(KeyNotFound, match="its keys are: password, pin, user"):
        read(FILE, f"{path}:passwort")


def test_all_after_the_first_colon_is_the_key(tmp_path: Path) -> None:
    path = stored(tmp_path / "db.json", json.dumps({"a:b": CANARY}))
    assert read(FILE, f"{path}:a:b") == Secret(CANARY)


def test_a_key_of_a_file_that_is_no_json_is_told(tmp_path: Path) -> None:
    path = stored(tmp_path / "password", CANARY)
    with pytest.raises(
        SecretUnreadable, match=f"not JSON; write _file:{path} without a key"
    ) as told:
        read(FILE, f"{path}:password")
    assert CANARY not in str(told.value)


def test_every_read_is_anew_and_has_its_own_version(tmp_path: Path) -> None:
    path = stored(tmp_path / "password", canary("1"))
    os.utime(path, (0, 0))
    first = FILE.fetch(str(path), PATIENCE)
    stored(path, canary("2"))
    second = FILE.fetch(str(path), PATIENCE)
    assert (first.value(None), second.value(None)) == (Secret(canary("1")), Secret(canary("2")))
    assert first.version == "1970-01-01T00:00:00+00:00" < second.version


def test_a_file_may_end_as_mysql_ends_its_public_key(tmp_path: Path) -> None:
    path = stored(tmp_path / "public_key.pem", f"{CANARY}\n\0".encode())
    assert read(FILE, str(path)) == Secret(CANARY)


@pytest.mark.parametrize(
    "content", [CANARY.encode() + b"\xff", CANARY.encode() + b"\0"], ids=["bytes", "nul"]
)
def test_a_binary_file_is_told_and_not_repeated(tmp_path: Path, content: bytes) -> None:
    path = stored(tmp_path / "key.der", content)
    with pytest.raises(SecretUnreadable, match=f"{path} is binary; store text") as caught:
        read(FILE, str(path))
    assert CANARY not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_large_file_is_told(tmp_path: Path) -> None:
    path = stored(tmp_path / "large", "x" * LARGEST)
    assert read(FILE, str(path)) == Secret("x" * LARGEST)
    stored(path, "x" * (LARGEST + 1))
    with pytest.raises(SecretUnreadable, match=f"{path} is larger than {LARGEST} bytes"):
        read(FILE, str(path))


@pytest.mark.parametrize("name", ["nothing", "password/inside"])
def test_a_file_that_is_not_there_is_told(tmp_path: Path, name: str) -> None:
    stored(tmp_path / "password", CANARY)
    with lasting(0, 0.05), pytest.raises(SecretNotFound, match=f"{name} does not exist; check"):
        read(FILE, f"{tmp_path}/{name}")


def test_a_file_that_we_may_not_read_is_told() -> None:
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        path = stored(Path(directory) / "password", CANARY)
        path.chmod(0)
        with as_nobody(), pytest.raises(AccessDenied, match=f"{path} may not be read by the acc"):
            read(FILE, str(path))
        path.chmod(0o444)
        with as_nobody():
            assert read(FILE, str(path)) == Secret(CANARY)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read everything, so it is somebody else for a while."""
    ours = os.geteuid()
    if ours == 0:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(ours)


def test_a_pipe_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with lasting(0, 1), pytest.raises(SecretUnreadable, match="pipe is neither a file nor a dir"):
        read(FILE, f"{tmp_path}/pipe")


def test_a_link_to_itself_is_told(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ProviderUnavailable, match="loop cannot be read"):
        read(FILE, f"{tmp_path}/loop")


@pytest.mark.parametrize(
    "text",
    ["", "password", "./a:key", "~/a", "run/db:key", ":key", "/a:", "/a\0b", "file:///run/db"],
)
def test_what_is_no_absolute_path_is_refused_at_load(text: str) -> None:
    with pytest.raises(ValueError, match=r"names no file; write _file:/PATH .*_file:/PATH:KEY"):
        File.split(text)


# -- directories -----------------------------------------------------------------------------


def test_the_files_of_a_directory_are_keys(volume: Volume) -> None:
    volume.write(username="app\n", password=CANARY)
    found = FILE.fetch(str(volume.path), PATIENCE)
    assert dict(found.keys) == {"username": Secret("app"), "password": Secret(CANARY)}
    assert found.version
    with pytest.raises(KeyNotFound, match="its keys are: password, username"):
        read(FILE, f"{volume.path}:passwort")
    with pytest.raises(KeyNotFound, match="must name one of them: password, username"):
        read(FILE, str(volume.path))


def test_a_plain_directory_will_do_and_what_is_no_file_in_it_is_left_out(tmp_path: Path) -> None:
    stored(tmp_path / "password", CANARY)
    (tmp_path / "directory").mkdir()
    (tmp_path / "dangling").symlink_to("nothing")
    os.mkfifo(tmp_path / "pipe")
    assert dict(FILE.fetch(str(tmp_path), PATIENCE).keys) == {"password": Secret(CANARY)}


@pytest.mark.parametrize("key", ["../outside", "..", "/etc/hostname", "directory/inside"])
def test_a_key_leads_nowhere_else(tmp_path: Path, key: str) -> None:
    stored(tmp_path / "outside", CANARY)
    secret = tmp_path / "secret"
    (secret / "directory").mkdir(parents=True)
    stored(secret / "directory" / "inside", CANARY)
    with pytest.raises(KeyNotFound):
        read(FILE, f"{secret}:{key}")


def test_a_file_that_cannot_be_used_spoils_only_its_own_key(tmp_path: Path) -> None:
    stored(tmp_path / "password", CANARY)
    stored(tmp_path / "keystore", b"\xff")
    assert read(FILE, f"{tmp_path}:password") == Secret(CANARY)
    with pytest.raises(SecretUnreadable, match="keystore is binary"):
        read(FILE, f"{tmp_path}:keystore")


def test_a_directory_of_large_files_is_told(tmp_path: Path) -> None:
    for name in ("one", "two"):
        stored(tmp_path / name, "x" * (LARGEST // 2 + 1))
    with pytest.raises(SecretUnreadable, match=f"together larger .* write _file:{tmp_path}/NAME"):
        read(FILE, f"{tmp_path}:one")


def test_user_and_password_match_while_the_volume_changes_under_the_reads(volume: Volume) -> None:
    """Ten other files make the kubelet's removal of the old ones slow enough to be met."""
    over = threading.Event()

    def change() -> None:
        for number in count(1):
            filling = {f"file-{index}": "x" for index in range(10)}
            volume.write(username=f"u{number}", password=canary(f"-{number}"), **filling)
            if over.wait(0.02):
                return

    volume.write(username="u0", password=canary("-0"))
    changing = threading.Thread(target=change)
    changing.start()
    try:
        seen = set(_reads(volume.path, seconds=1.5))
    finally:
        over.set()
        changing.join()
    assert len(seen) > 20
    assert all(canary(f"-{user[1:]}") == password for user, password in seen)


def _reads(path: Path, seconds: float) -> Iterator[tuple[str, str]]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = FILE.fetch(str(path), PATIENCE)
        yield found.value("username").reveal(), found.value("password").reveal()


def test_a_directory_that_never_rests_is_told(tmp_path: Path) -> None:
    """It is replaced by another faster than it can be read."""
    over = threading.Event()
    states = [tmp_path / f"state-{number}" for number in range(7)]
    for state in states:
        state.mkdir()
        for number in range(100):
            stored(state / f"file-{number}", CANARY)

    def change() -> None:
        for state in cycle(states):
            (tmp_path / "next").symlink_to(state)
            (tmp_path / "next").rename(tmp_path / "current")
            if over.is_set():
                return

    (tmp_path / "current").symlink_to(states[0])
    changing = threading.Thread(target=change)
    changing.start()
    try:
        with pytest.raises(ProviderUnavailable, match="changes while it is read; replace it as a"):
            eventually(lambda: read(FILE, f"{tmp_path}/current:file-0") != Secret(CANARY))
    finally:
        over.set()
        changing.join()
