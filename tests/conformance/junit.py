"""Results in JUnit's XML, which the runners of many languages write."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from tests.conformance.suite import PASSED, Outcome, Results, Status

_STATUS = {"failure": Status.FAILED, "error": Status.FAILED, "skipped": Status.SKIPPED}
_REASON = 200  # characters


def read(*files: Path) -> Results:
    """The outcome of every test in `files`, under `CLASS::NAME`."""
    return dict(found for file in files for found in _cases(file))


def _cases(file: Path) -> Iterator[tuple[str, Outcome]]:
    for case in ElementTree.parse(file).iter("testcase"):
        yield f"{case.get('classname')}::{case.get('name')}", _outcome(case)


def _outcome(case: ElementTree.Element) -> Outcome:
    for child in case:
        if status := _STATUS.get(child.tag):
            told = child.get("message") or child.text or ""
            return Outcome(status, " ".join(told.split())[:_REASON])
    return PASSED
