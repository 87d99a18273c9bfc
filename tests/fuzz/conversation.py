"""What two sides say to each other: a fuzzer's input, and the two forms in which it is kept.

As text it is for people and the repository: a line with a side's name, then one line for each
message as Python writes bytes. Packed it is for fuzzers that know bytes only.
"""

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Protocol

from protocols.api import Side

_DICE = "dice"
_HEAD = Struct(">I")
_STEP = Struct(">BI")
_SIDES = (Side.CLIENT, Side.UPSTREAM)


class Framing(Protocol):
    """How one side's bytes are messages."""

    @property
    def header(self) -> int:
        """Bytes before a message's body."""

    def split(self, data: bytes) -> list[bytes]:
        """The messages; what follows the last whole one is a piece of its own."""

    def fit(self, message: bytes) -> bytes:
        """The message with its true length in its header."""

    def claim(self, message: bytes, length: int) -> bytes:
        """The message with this length in its header."""


def cut(data: bytes, header: int, end_of: Callable[[int], int]) -> list[bytes]:
    """Its messages, of which `end_of` says where the one at a position ends; what follows the last
    whole one, or one that would end within its header, is a piece of its own."""
    pieces, position = [], 0
    while position + header <= len(data):
        end = end_of(position)
        if not position + header <= end <= len(data):
            break
        pieces.append(data[position:end])
        position = end
    return pieces + ([data[position:]] if position < len(data) else [])


@dataclass(frozen=True, slots=True)
class Step:
    """What one side says before the other one does."""

    side: Side
    data: bytes


@dataclass(frozen=True, slots=True)
class Conversation:
    """`dice` is what a target chooses its settings by, where it has any."""

    steps: tuple[Step, ...]
    dice: int = 0

    @property
    def size(self) -> int:
        return sum(len(step.data) for step in self.steps)

    def said(self, side: Side) -> bytes:
        return b"".join(step.data for step in self.steps if step.side is side)

    def pack(self) -> bytes:
        packed = [_HEAD.pack(self.dice)]
        for step in self.steps:
            packed += [_STEP.pack(_SIDES.index(step.side), len(step.data)), step.data]
        return b"".join(packed)


def unpack(packed: bytes) -> Conversation:
    """Any bytes are a conversation: a side's number is its parity, and the last step may be cut."""
    dice = int.from_bytes(packed[: _HEAD.size], "big")
    steps = []
    position = _HEAD.size
    while position + _STEP.size <= len(packed):
        side, length = _STEP.unpack_from(packed, position)
        position += _STEP.size
        steps.append(Step(_SIDES[side % 2], packed[position : position + length]))
        position += length
    return Conversation(tuple(steps), dice)


def write(conversation: Conversation, framing: Mapping[Side, Framing], comment: str) -> str:
    """As text, under a comment of one or more lines."""
    lines = [f"# {line}" for line in comment.splitlines()]
    if conversation.dice:
        lines.append(f"{_DICE} {conversation.dice}")
    for step in conversation.steps:
        lines.append(step.side.value)
        lines += [f"  {message!r}" for message in framing[step.side].split(step.data)]
    return "\n".join(lines) + "\n"


def read(text: str) -> Conversation:
    """Read what `write` has written."""
    dice, sides, messages = 0, list[Side](), list[list[bytes]]()
    for line in text.splitlines():
        match line.partition(" "):
            case ("", _, message):
                messages[-1].append(ast.literal_eval(message.strip()))
            case (name, _, number) if name == _DICE:
                dice = int(number)
            case (name, _, _) if name != "#":
                sides.append(Side(name))
                messages.append([])
    parts = zip(sides, messages, strict=True)
    return Conversation(tuple(Step(side, b"".join(said)) for side, said in parts), dice)


def read_all(folder: Path) -> list[Conversation]:
    """The conversations that are kept in a folder, in the order of their files' names."""
    return [read(path.read_text()) for path in sorted(folder.glob("*.txt"))]


def in_pieces(data: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    """Cut bytes into pieces of these sizes, which begin again where they end."""
    position = number = 0
    while position < len(data):
        size = sizes[number % len(sizes)]
        yield data[position : position + size]
        position += size
        number += 1
