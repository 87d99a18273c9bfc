"""What a command is given of a role: variables, and private files that are gone when it ends."""

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from protocols.errors import misconfigured
from proxy.config import CommandRole

_log = logging.getLogger("keyless.commands")
_PEM = "-----BEGIN "
_IN_MEMORY = "/dev/shm"  # noqa: S108 the folder that is made in it is ours alone


def check_values(role: CommandRole, values: Mapping[str, str]) -> None:
    """Raises Refusal where a value can be no variable or no file."""
    for name, value in values.items():
        if not _is_unicode(value):
            mistake = f"{name} holds what is no Unicode text; store text in it"
            raise misconfigured(role.name, mistake)
        if "\0" in value and name not in role.files:
            mistake = f"{name} holds a NUL, which no variable can; list it in `files`"
            raise misconfigured(role.name, mistake)


@contextmanager
def given(role: CommandRole, values: Mapping[str, str]) -> Iterator[Mapping[bytes, bytes]]:
    """The variables of a command, those of the role's `files` being paths of files; while inside,
    the files exist. Raises OSError where they cannot be made."""
    variables = {name.encode(): value.encode() for name, value in values.items()}
    if not role.files:
        yield variables
        return
    folder = _make_folder()
    try:
        for name in role.files:
            path = os.path.join(folder, name)
            _write(path, values[name])
            variables[name.encode()] = os.fsencode(path)
        yield variables
    finally:
        shutil.rmtree(folder, onerror=_tell)


def _is_unicode(value: str) -> bool:
    """JSON can hold half of a surrogate pair."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _make_folder() -> str:
    """For this user alone, and in memory where that can be had, so that no disk ever has it."""
    for place in (os.environ.get("XDG_RUNTIME_DIR"), _IN_MEMORY):
        if place and os.path.isdir(place) and os.access(place, os.W_OK | os.X_OK):
            return tempfile.mkdtemp(prefix="keyless-", dir=place)
    return tempfile.mkdtemp(prefix="keyless-")


def _write(path: str, value: str) -> None:
    """ssh wants the newline at a key's end that stores of secrets like to strip."""
    if value.startswith(_PEM) and not value.endswith("\n"):
        value += "\n"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(value.encode())


def _tell(_: object, path: str, failure: tuple[object, object, object]) -> None:
    _log.error("%s cannot be removed (%s); remove it yourself", path, failure[1])
