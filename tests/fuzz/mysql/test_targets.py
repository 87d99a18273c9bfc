"""Every target keeps its promises on what is recorded and on a little of what is made of it."""

from pathlib import Path

import pytest

from tests.fuzz.campaign import Campaign
from tests.fuzz.conversation import read
from tests.fuzz.findings import replay
from tests.fuzz.kinds import CORPUS
from tests.fuzz.mysql import targets
from tests.fuzz.target import Target
from tests.secrecy import find

_FOLDER = CORPUS / "mysql"
_TARGETS = targets(_FOLDER)
_MESSAGES = 200
_FILES = sorted(_FOLDER.rglob("*.txt"))
_FOUND = sorted((_FOLDER / "found").glob("*.txt"))


def _name(it: Path | Target) -> str:
    return it.stem if isinstance(it, Path) else it.name


@pytest.mark.parametrize("target", _TARGETS, ids=_name)
def test_it_keeps_its_promises(target: Target, tmp_path: Path) -> None:
    report = Campaign([target], _MESSAGES, 1, tmp_path).run()
    assert report.findings == {}
    assert report.messages >= _MESSAGES


@pytest.mark.parametrize("path", _FOUND, ids=_name)
def test_what_was_found_once_is_mended(path: Path) -> None:
    assert replay(path, _TARGETS) is None


@pytest.mark.parametrize("path", _FILES, ids=_name)
def test_a_recording_is_readable_and_holds_no_credential(path: Path) -> None:
    conversation = read(path.read_text())
    said = b"".join(step.data for step in conversation.steps)
    assert 0 < len(said) < 12_000
    assert find(said) == []
    for word in (b"IDENTIFIED", b"PASSWORD(", b"PRIVATE KEY", b"/work", b"/home", b"/tmp"):
        assert word not in said or path.parent.name == "found"
