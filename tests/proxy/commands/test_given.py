"""What a command is given: variables as they are, and files that nobody else can read or find."""

import os
from pathlib import Path

import pytest

from protocols.errors import Refusal
from proxy.commands.given import check_values, given
from proxy.config import Allow, CommandRole
from tests.secrecy import CANARY

_KEY = f"-----BEGIN KEY-----\n{CANARY}\n-----END KEY-----"


def _role(*files: str) -> CommandRole:
    return CommandRole("job", Allow(), {}, files)


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's own folder in memory, as far as Keyless knows."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def test_variables_are_utf_8_whatever_the_locale(runtime: Path) -> None:
    with given(_role(), {"A": "grüße", "B": ""}) as variables:
        assert variables == {b"A": "grüße".encode(), b"B": b""}
        assert list(runtime.iterdir()) == []


def test_files_are_their_owners_alone_and_gone_afterwards(runtime: Path) -> None:
    with given(_role("KEY", "TEXT"), {"KEY": _KEY, "TEXT": CANARY, "A": "x"}) as variables:
        (folder,) = runtime.iterdir()
        key, text = folder / "KEY", folder / "TEXT"
        assert variables == {b"KEY": os.fsencode(key), b"TEXT": os.fsencode(text), b"A": b"x"}
        assert folder.stat().st_mode & 0o777 == 0o700
        assert [path.stat().st_mode & 0o777 for path in (key, text)] == [0o600, 0o600]
        assert (key.read_text() == _KEY + "\n") is True
        assert (text.read_text() == CANARY) is True
        (folder / "left by the command").mkdir()
    assert list(runtime.iterdir()) == []


def test_files_are_gone_after_an_error_too(runtime: Path) -> None:
    with pytest.raises(RuntimeError), given(_role("A"), {"A": CANARY}):
        raise RuntimeError
    assert list(runtime.iterdir()) == []


@pytest.mark.parametrize("place", ["", "/nonexistent", "/dev/null"])
def test_without_a_folder_of_the_users_they_are_in_memory(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", place)
    with given(_role("A"), {"A": CANARY}) as variables:
        assert variables[b"A"].startswith(b"/dev/shm/keyless-")


@pytest.mark.parametrize(
    ("value", "files", "told"),
    [
        ("\ud800", (), "A holds what is no Unicode text; store text in it"),
        ("\ud800", ("A",), "A holds what is no Unicode text; store text in it"),
        ("\0", (), "A holds a NUL, which no variable can; list it in `files`"),
    ],
)
def test_a_value_that_cannot_be_given(value: str, files: tuple[str, ...], told: str) -> None:
    with pytest.raises(Refusal) as raised:
        check_values(_role(*files), {"A": CANARY + value})
    assert str(raised.value) == 'role "job" is not set up correctly; tell its operator'
    assert raised.value.detail == told


def test_a_nul_can_be_in_a_file(runtime: Path) -> None:
    values = {"A": f"{CANARY}\0"}
    check_values(_role("A"), values)
    with given(_role("A"), values) as variables:
        assert Path(os.fsdecode(variables[b"A"])).read_bytes().endswith(b"\0")
