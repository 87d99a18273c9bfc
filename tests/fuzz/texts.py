"""Statements' texts as a fuzzer's input, for what searches them and holds up every session while it
does.
"""

import re

from protocols.api import Side
from tests.fuzz.conversation import Conversation, Framing

LONGEST = 65_536
_LONG = 8_192
_SECONDS, _SECONDS_PER_BYTE = 0.05, 1e-5
_WORD = re.compile(rb"\w+|\s+|.", re.S)


class _Words:
    """A statement's words are its messages: what moves, repeats and is lost."""

    @property
    def header(self) -> int:
        return 0

    def split(self, data: bytes) -> list[bytes]:
        return _WORD.findall(data)

    def fit(self, message: bytes) -> bytes:
        return message

    def claim(self, message: bytes, length: int) -> bytes:
        return message


WORDS: dict[Side, Framing] = {side: _Words() for side in Side}


def text_of(conversation: Conversation) -> bytes:
    """What the client says; now and then as often as it fits: what is slow to search is so where it
    repeats."""
    text = conversation.said(Side.CLIENT)
    if conversation.dice % 256 == 1 and text:
        return (text * (LONGEST // len(text) + 1))[:LONGEST]
    return text[:_LONG]


def most_seconds(text: str | bytes) -> float:
    return _SECONDS + _SECONDS_PER_BYTE * len(text)
