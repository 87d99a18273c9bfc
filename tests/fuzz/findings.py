"""Conversations on which a parser broke a promise: made small, kept in files, and shown again."""

import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tests.fuzz.conversation import Conversation, Framing, Step, read, write
from tests.fuzz.limits import ending
from tests.fuzz.target import Target

_ATTEMPTS, _SECONDS = 400, 60.0
_TARGET = "# target: "


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken promise. Two findings with the same `place` are taken for one."""

    target: str
    error: str
    place: str
    conversation: Conversation


def examine(target: Target, conversation: Conversation) -> Finding | None:
    """Show it a conversation again. None: it keeps its promises now."""
    try:
        with ending():
            target.check(conversation)
    except Exception as fault:
        return describe(target, fault, conversation)
    return None


def describe(target: Target, fault: Exception, conversation: Conversation) -> Finding:
    last = traceback.extract_tb(fault.__traceback__)[-1]
    place = f"{Path(last.filename).name}:{last.lineno}: {type(fault).__name__}"
    return Finding(target.name, f"{type(fault).__name__}: {fault}", place, conversation)


def shrink(target: Target, finding: Finding) -> Finding:
    """The same with as little said as a few hundred attempts, or a minute of them, can leave."""
    smallest, attempts, until = finding, 0, time.monotonic() + _SECONDS
    smaller = _smaller(target, smallest.conversation)
    while attempts < _ATTEMPTS and time.monotonic() < until and (tried := next(smaller, None)):
        attempts += 1
        found = examine(target, tried)
        if found and found.place == finding.place:
            smallest, smaller = found, _smaller(target, tried)
    return smallest


def _smaller(target: Target, conversation: Conversation) -> Iterator[Conversation]:
    """Without a step; without a message; with half of a message's body."""
    steps = conversation.steps
    for i in range(len(steps)):
        yield Conversation(steps[:i] + steps[i + 1 :], conversation.dice)
    for i, step in enumerate(steps):
        for data in _shorter(target.framing[step.side], step.data):
            changed = (*steps[:i], Step(step.side, data), *steps[i + 1 :])
            yield Conversation(changed, conversation.dice)


def _shorter(framing: Framing, data: bytes) -> Iterator[bytes]:
    messages = framing.split(data)
    for i in range(len(messages)) if len(messages) > 1 else ():
        yield b"".join(messages[:i] + messages[i + 1 :])
    for i, message in enumerate(messages):
        if body := message[framing.header :]:
            half = framing.fit(message[: framing.header] + body[: len(body) // 2])
            yield b"".join((*messages[:i], half, *messages[i + 1 :]))


def keep(finding: Finding, target: Target, folder: Path) -> Path:
    """Write it to a file of its own, and return where."""
    folder.mkdir(parents=True, exist_ok=True)
    name = sha256(finding.conversation.pack()).hexdigest()[:12]
    path = folder / f"{finding.target}-{name}.txt"
    comment = f"target: {finding.target}\n{finding.error}"
    path.write_text(write(finding.conversation, target.framing, comment))
    return path


def replay(path: Path, targets: Sequence[Target]) -> Finding | None:
    """Show a kept conversation to the target it was kept for."""
    text = path.read_text()
    name = next(line for line in text.splitlines() if line.startswith(_TARGET))
    target = next(t for t in targets if t.name == name.removeprefix(_TARGET))
    return examine(target, read(text))
