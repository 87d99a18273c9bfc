"""Passwords as SCRAM hashes them (RFC 4013), where that is defined."""

import stringprep
import unicodedata


def saslprep(password: str) -> bytes:
    """RFC 4013; where it does not apply the password's own bytes.

    It is PostgreSQL's reading, for its servers' stored keys were made by it: characters are judged
    before they are normalised, and a zero width space is a space.
    """
    original = password.encode("utf-8", "surrogateescape")
    if password.isascii():
        return original
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char
        for char in password
        if stringprep.in_table_c12(char) or not stringprep.in_table_b1(char)
    )
    if not mapped or any(map(_prohibited, mapped)) or _mixes_directions(mapped):
        return original
    return unicodedata.normalize("NFKC", mapped).encode()


_PROHIBITED_TABLES = (
    stringprep.in_table_a1,
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def _prohibited(char: str) -> bool:
    return any(table(char) for table in _PROHIBITED_TABLES)


def _mixes_directions(text: str) -> bool:
    """RFC 3454, section 6: right-to-left text must begin and end so, and hold nothing else."""
    if not any(map(stringprep.in_table_d1, text)):
        return False
    ends = stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    return not ends or any(map(stringprep.in_table_d2, text))
