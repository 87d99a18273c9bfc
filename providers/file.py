"""Secrets in files, as Kubernetes and Docker mount them: `_file:PATH`, or `_file:PATH:KEY` where
PATH is a JSON object, or a directory whose files are the keys.

Nothing is kept open or watched: each read is anew, and is made again where the files changed under
it, so that a user name and its password come from the same state of a directory.
"""

import os
import re
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import ClassVar

from providers.api import Secret, SecretVersion, Stage
from providers.deadline import within
from providers.errors import (
    AccessDenied,
    ProviderError,
    ProviderUnavailable,
    SecretNotFound,
    SecretUnreadable,
)
from providers.json_secret import LARGEST, object_or_text
from providers.keys import Keys

_TRIES, _PAUSE = 5, 0.02
_LAST_NEWLINE = re.compile(rb"\r?\n\0?\Z")
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY  # a pipe must not hold us up


class File:
    """Reads on a thread of its own, for a network's file system may hang."""

    name: ClassVar[str] = "file"
    settings: ClassVar[tuple[str, ...]] = ()
    stages: ClassVar[tuple[Stage, ...]] = ()
    makes_secrets: ClassVar[bool] = False

    def __init__(self, environ: Mapping[str, str]) -> None:
        pass

    @classmethod
    def split(cls, text: str) -> tuple[str, str | None]:
        """A path with a colon in it cannot be referred to: all after the first is the key."""
        path, colon, key = text.partition(":")
        if not path.startswith("/") or "\0" in text or (colon and not key):
            raise ValueError(
                "names no file; write _file:/PATH for a file's whole text, or _file:/PATH:KEY for "
                "a key of a JSON file or a file in a directory, the path beginning with /"
            )
        return path, key if colon else None

    def fetch(self, secret: str, timeout: float, stage: Stage = Stage.CURRENT) -> SecretVersion:
        try:
            return within(timeout, lambda: _read(secret))
        except TimeoutError:
            pass
        raise ProviderUnavailable(f"{secret} could not be read within {timeout:g} seconds")

    def close(self) -> None:
        pass


def _read(path: str) -> SecretVersion:
    for _ in range(_TRIES):
        try:
            if version := _read_once(path):
                return version
        except OSError as error:
            if not (isinstance(error, FileNotFoundError) and os.path.exists(path)):
                raise _explain(error, path) from None
        time.sleep(_PAUSE)
    raise ProviderUnavailable(f"{path} changes while it is read; replace it as a whole, by rename")


def _read_once(path: str) -> SecretVersion | None:
    """None where the file or the directory was changed or replaced meanwhile."""
    place = _place(path)
    with _opened(place) as file:
        before = os.fstat(file)
        version = _contents(path, file, before)
        return version if _state(os.stat(place)) == _state(before) else None


def _place(path: str) -> str:
    """Kubernetes keeps a volume's files behind one link, which it swaps to change them all."""
    data = f"{path}/..data"
    return data if os.path.isdir(data) else path


def _state(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


def _contents(path: str, file: int, status: os.stat_result) -> SecretVersion:
    if stat.S_ISDIR(status.st_mode):
        return _directory(path, file)
    if stat.S_ISREG(status.st_mode):
        return object_or_text(_text(path, file), f"_file:{path}", _moment(status.st_mtime))
    raise SecretUnreadable(f"{path} is neither a file nor a directory")


def _directory(path: str, directory: int) -> SecretVersion:
    """A file that cannot be used spoils only its own key."""
    secrets, problems, newest = {}, {}, 0.0
    for name, status in _files(path, directory).items():
        newest = max(newest, status.st_mtime)
        try:
            with _opened(name, directory) as file:
                secrets[name] = Secret(_text(f"{path}/{name}", file))
        except OSError as error:
            problems[name] = str(_explain(error, f"{path}/{name}"))
        except SecretUnreadable as error:
            problems[name] = str(error)
    return SecretVersion(Keys(secrets, problems), version=_moment(newest))


def _files(path: str, directory: int) -> Mapping[str, os.stat_result]:
    with os.scandir(directory) as entries:
        files = {entry.name: entry.stat() for entry in entries if entry.is_file()}
    if sum(status.st_size for status in files.values()) > LARGEST:
        raise SecretUnreadable(
            f"the files in {path} are together larger than {LARGEST} bytes; write _file:{path}/NAME"
        )
    return files


def _text(path: str, file: int) -> str:
    """Less one newline at the end, which is the editor's and not the secret's. The file that MySQL
    writes its public key to has a NUL behind that."""
    with open(file, "rb", closefd=False) as stream:
        raw = stream.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise SecretUnreadable(f"{path} is larger than {LARGEST} bytes")
    try:
        text = _LAST_NEWLINE.sub(b"", raw).decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise SecretUnreadable(f"{path} is binary; store text in it")
    return text


@contextmanager
def _opened(path: str, directory: int | None = None) -> Iterator[int]:
    file = os.open(path, _FLAGS, dir_fd=directory)
    try:
        yield file
    finally:
        os.close(file)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _explain(error: OSError, path: str) -> ProviderError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return SecretNotFound(f"{path} does not exist; check that it is mounted")
    if isinstance(error, PermissionError):
        return AccessDenied(f"{path} may not be read by the account that Keyless runs as")
    return ProviderUnavailable(f"{path} cannot be read ({error.strerror})")
