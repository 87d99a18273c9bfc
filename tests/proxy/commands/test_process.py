"""A command is found as a shell would find it, and what is none is told with a shell's code."""

from pathlib import Path

import pytest

from proxy.commands.process import CannotRun, Ended, find


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, mode in (("good", 0o755), ("plain", 0o644)):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(mode)
    (tmp_path / "folder").mkdir()
    return tmp_path


def test_on_the_path_and_by_its_own(folder: Path) -> None:
    assert find("good", f"/nonexistent:{folder}") == str(folder / "good")
    assert find(str(folder / "good"), "") == str(folder / "good")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("none", 127),
        ("", 127),
        ("plain", 126),
        ("{}/none", 127),
        ("{}/plain", 126),
        ("{}/folder", 126),
    ],
)
def test_what_is_none(folder: Path, command: str, code: int) -> None:
    with pytest.raises(CannotRun) as raised:
        find(command.format(folder), str(folder))
    assert raised.value.code == code
    assert str(raised.value).startswith(f"{command.format(folder)}: ")


def test_nothing_is_found_on_no_path(folder: Path) -> None:
    with pytest.raises(CannotRun) as raised:
        find("good", "")
    assert raised.value.code == 127


def test_an_end_is_told_as_a_shell_tells_it() -> None:
    assert [Ended(0).code, Ended(7).code, Ended(255).code] == [0, 7, 255]
    assert [Ended(None, 9).code, Ended(None, 15).code] == [137, 143]
