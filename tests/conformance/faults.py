"""What Keyless may have done wrong in a run without any client noticing."""

import re
from collections.abc import Iterator
from pathlib import Path

from proxy.audit.chain import verify
from tests.secrecy import find_in_file

_ERROR = re.compile(r"^\S+ \S+ ERROR (.*)", re.M)


def faults(directory: Path) -> Iterator[str]:
    """What is wrong with its log and its audit, which are in `directory`."""
    log, audit = directory / "keyless.log", directory / "audit.jsonl"
    if errors := _ERROR.findall(log.read_text()):
        yield f"its log tells of {len(errors)} errors, the first is: {errors[0]}"
    with audit.open("rb") as lines:
        if broken := verify(lines):
            yield f"line {broken.line} of its audit: {broken.why}"
    for path in (log, audit):
        if encodings := find_in_file(path):
            yield f"{path.name} holds the password: {', '.join(encodings)}"
