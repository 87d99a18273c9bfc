"""Every target keeps its promises on what is recorded and on a little of what is made of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.fuzz.campaign import Campaign
from tests.fuzz.conversation import read
from tests.fuzz.findings import replay
from tests.fuzz.kinds import CORPUS, KINDS
from tests.fuzz.target import Target
from tests.secrecy import find

_TARGETS: Mapping[str, Sequence[Target]] = MappingProxyType(
    {kind: targets(CORPUS / kind) for kind, targets in KINDS.items()}
)
_MESSAGES: Mapping[str, int] = MappingProxyType({"postgres": 600, "mysql": 200, "ssh": 200})
_SECRETS: Mapping[str, tuple[bytes, ...]] = MappingProxyType(
    {
        "postgres": (b"PASSWORD", b"pencil", b"SCRAM-SHA-256$", b"md5" + b"0" * 8),
        "mysql": (b"IDENTIFIED", b"PASSWORD(", b"PRIVATE KEY", b"/home", b"/tmp"),
        "ssh": (b"PRIVATE KEY", b"password", b"/home", b"/tmp"),
    }
)
_FILES = [(kind, path) for kind in KINDS for path in sorted((CORPUS / kind).rglob("*.txt"))]


def _name(it: str | Path | Target) -> str:
    if isinstance(it, str):
        return it
    return it.stem if isinstance(it, Path) else it.name


@pytest.mark.parametrize(
    ("kind", "target"),
    [(kind, target) for kind, targets in _TARGETS.items() for target in targets],
    ids=_name,
)
def test_it_keeps_its_promises(kind: str, target: Target, tmp_path: Path) -> None:
    report = Campaign([target], _MESSAGES[kind], 1, tmp_path).run()
    assert report.findings == {}
    assert report.messages >= _MESSAGES[kind]


@pytest.mark.parametrize(
    ("kind", "path"), [file for file in _FILES if file[1].parent.name == "found"], ids=_name
)
def test_what_was_found_once_is_mended(kind: str, path: Path) -> None:
    assert replay(path, _TARGETS[kind]) is None


@pytest.mark.parametrize(("kind", "path"), _FILES, ids=_name)
def test_a_recording_is_readable_and_holds_no_credential(kind: str, path: Path) -> None:
    conversation = read(path.read_text())
    said = b"".join(step.data for step in conversation.steps)
    assert 0 < len(said) < 12_000
    assert find(said) == []
    for word in _SECRETS[kind]:
        assert word not in said or path.parent.name == "found"
