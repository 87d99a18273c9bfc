"""Passwords as SCRAM hashes them: RFC 4013 in PostgreSQL's reading."""

import pytest

from protocols.postgres.saslprep import saslprep


@pytest.mark.parametrize(
    ("password", "prepared"),
    [
        # RFC 4013, section 3
        ("I\u00adX", b"IX"),
        ("user", b"user"),
        ("USER", b"USER"),
        ("\u00aa", b"a"),
        ("\u2168", b"IX"),
        ("\u0007", b"\x07"),  # prohibited: its own bytes, as PostgreSQL does
        ("\u0627\u0031", b"\xd8\xa71"),  # directions mixed: likewise
        # the tables of RFC 3454 one by one
        ("a\u00a0b", b"a b"),  # C.1.2, a space that is not ASCII's
        ("a\u200bb", b"a b"),  # in C.1.2 and in B.1
        ("\u00ad", b"\xc2\xad"),  # nothing is left
        ("\u0627\u0628", "\u0627\u0628".encode()),  # all right to left
        ("\u0627a\u0628", "\u0627a\u0628".encode()),
        ("e\u0301", "\u00e9".encode()),  # NFKC
        ("\ufb01x", b"fix"),
        ("\ufb01\ue000", "\ufb01\ue000".encode()),  # C.3, private use
        ("\ufb01\ufffd", "\ufb01\ufffd".encode()),  # C.6
        ("\ufb01\U000e0001", "\ufb01\U000e0001".encode()),  # C.9
        ("\ufb01\u0378", "\ufb01\u0378".encode()),  # A.1, unassigned
        ("\ufb01\u0340", "\ufb01\u0340".encode()),  # C.8, judged before NFKC takes it away
        ("\udcff", b"\xff"),  # not UTF-8 at all
        (" \t", b" \t"),  # ASCII is never changed
    ],
)
def test_saslprep(password: str, prepared: bytes) -> None:
    assert saslprep(password) == prepared
