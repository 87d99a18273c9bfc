"""The few things that taps do with every message's bytes, and the audit with every text.

Its compiled twin is `octets.pyx`, which does the same without Python's own wrapping of it. Nothing
here knows a protocol.
"""

from json.encoder import encode_basestring
from struct import Struct

__all__ = ["behind_zero", "cut", "quoted", "says_password", "uint32"]

_UINT32 = Struct(">I")


def uint32(data: bytes, at: int) -> int:
    """The four bytes there as a number, the highest first. The caller has seen that they are
    there."""
    number: int = _UINT32.unpack_from(data, at)[0]
    return number


def cut(data: bytes, begin: int, end: int) -> bytes:
    """The bytes between two places that the caller knows to be in it."""
    return data[begin:end]


def behind_zero(data: bytes, begin: int, end: int) -> int:
    """Where what follows the first zero byte there begins; 0 if there is none."""
    return data.find(0, begin, end) + 1


def says_password(text: bytes) -> bool:
    """Whether it says that word in any case, or `://`."""
    return b"://" in text or b"password" in text.lower()


def quoted(text: str) -> str:
    """As JSON writes it, between its quotes."""
    return encode_basestring(text)
