"""SHA-256 of a line, for the chain.

Its compiled twin is `digest.pyx`: for so few bytes, four fifths of hashlib's time is its own.
"""

from hashlib import sha256

__all__ = ["hexadecimal"]


def hexadecimal(line: bytes) -> str:
    """In 64 digits."""
    return sha256(line).hexdigest()
