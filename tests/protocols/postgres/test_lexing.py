"""A text in its segments, which make up the text again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.postgres.lexing import Kind, segments

_CODE, _COMMENT, _NAME = Kind.CODE, Kind.COMMENT, Kind.NAME
_STRING, _DOLLARS = Kind.STRING, Kind.DOLLARS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("SELECT 1", [(_CODE, "", "SELECT 1", "")]),
        ("'a''b'", [(_STRING, "'", "a''b", "'")]),
        ("'a\\'", [(_STRING, "'", "a\\", "'")]),
        ("E'a\\'b'", [(_STRING, "E'", "a\\'b", "'")]),
        ("e'a'\n'b\\''", [(_STRING, "e'", "a'\n'b\\'", "'")]),
        ("e'a' -- c\n -- d\n'b'", [(_STRING, "e'", "a' -- c\n -- d\n'b", "'")]),
        ("e'a' 'b'", [(_STRING, "e'", "a", "'"), (_CODE, "", " ", ""), (_STRING, "'", "b", "'")]),
        ("typE'a\\'", [(_CODE, "", "typE", ""), (_STRING, "'", "a\\", "'")]),
        ("U&'a'", [(_STRING, "U&'", "a", "'")]),
        ("'a", [(_STRING, "'", "a", "")]),
        ('"a""b"', [(_NAME, '"', 'a""b', '"')]),
        ('"a', [(_NAME, '"', "a", "")]),
        ("$$a'$$", [(_DOLLARS, "$$", "a'", "$$")]),
        ("$é$a$$b$é$", [(_DOLLARS, "$é$", "a$$b", "$é$")]),
        ("$a$b", [(_DOLLARS, "$a$", "b", "")]),
        ("$1", [(_CODE, "", "$1", "")]),
        ("a$$b", [(_CODE, "", "a$$b", "")]),
        ("--a'\n", [(_COMMENT, "--", "a'", ""), (_CODE, "", "\n", "")]),
        ("--a\rb", [(_COMMENT, "--", "a", ""), (_CODE, "", "\rb", "")]),
        ("/*a/*b*/*/c", [(_COMMENT, "/*", "a/*b*/", "*/"), (_CODE, "", "c", "")]),
        ("/*/ */c", [(_COMMENT, "/*", "/ ", "*/"), (_CODE, "", "c", "")]),
        ("/*a/*b", [(_COMMENT, "/*", "a/*b", "")]),
        ("'/*' */", [(_STRING, "'", "/*", "'"), (_CODE, "", " */", "")]),
    ],
)
def test_sql(text: str, expected: list[tuple[Kind, str, str, str]]) -> None:
    assert list(segments(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'a\\'b'", [(_STRING, "'", "a\\'b", "'")]),
        ("'a''b'", [(_STRING, "'", "a''b", "'")]),
        ('"a\\"b"', [(_NAME, '"', 'a\\"b', '"')]),
        ("$$a$$", [(_DOLLARS, "$$", "a", "$$")]),
    ],
)
def test_what_stands_in_a_string(text: str, expected: list[tuple[Kind, str, str, str]]) -> None:
    assert list(segments(text, within=True)) == expected


_pieces = st.sampled_from(
    ["'", '"', "$$", "$a$", "--", "/*", "*/", "\n", "\\", "E'", "U&'", "x", " "]
)


@given(st.lists(_pieces).map("".join), st.booleans())
def test_together_they_are_the_text(text: str, within: bool) -> None:
    found = list(segments(text, within=within))
    assert "".join("".join(segment[1:]) for segment in found) == text
    assert all(segment.opening or segment.body for segment in found)
