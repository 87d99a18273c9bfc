"""Random changes to bytes that know nothing of what the bytes mean but a few tokens."""

from collections.abc import Callable, Sequence
from random import Random

# Where lengths, counts and signs go wrong, in the widths that protocols have.
_NUMBERS = (
    *(0, 1, 2, 3, 4, 5, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x3FFFFFFF, 0x40000000),
    *(0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF),
)
_TOKENS = tuple(
    n.to_bytes(width, "big") for width in (1, 2, 4) for n in _NUMBERS if n >> 8 * width == 0
)
_TEXT = (
    b"\0",
    b"\0\0",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x98\x80",
    b"\n",
    b"'",
    b'"',
    b"\\",
)


def edit(random: Random, data: bytes, tokens: Sequence[bytes]) -> bytes:
    """One change; `tokens` are words of the protocol, which chance would hardly find."""
    return random.choice(_EDITS)(random, data, tokens)


def _place(random: Random, data: bytes) -> tuple[int, int]:
    """A slice of the data, mostly a short one."""
    start = random.randint(0, len(data))
    return start, min(len(data), start + random.choice((0, 1, 1, 2, 4, 8, 32, len(data))))


def _flip(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    if not data:
        return data
    place = random.randrange(len(data))
    return data[:place] + bytes((data[place] ^ 1 << random.randrange(8),)) + data[place + 1 :]


def _overwrite(random: Random, data: bytes, tokens: Sequence[bytes]) -> bytes:
    start, _ = _place(random, data)
    token = random.choice((random.choice(_TOKENS), random.choice(_TEXT), *tokens))
    return data[:start] + token + data[start + len(token) :]


def _insert(random: Random, data: bytes, tokens: Sequence[bytes]) -> bytes:
    start, _ = _place(random, data)
    token = random.choice((random.randbytes(random.randint(1, 8)), random.choice(_TEXT), *tokens))
    return data[:start] + token + data[start:]


def _delete(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    start, end = _place(random, data)
    return data[:start] + data[end:]


def _repeat(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    start, end = _place(random, data)
    return data[:start] + data[start:end] * random.randint(2, 9) + data[end:]


_Edit = Callable[[Random, bytes, Sequence[bytes]], bytes]
_EDITS: Sequence[_Edit] = (_flip, _overwrite, _overwrite, _insert, _insert, _delete, _repeat)
