"""A text of SQL in its segments: code, comments, names and literals.

Source: "SQL Syntax, Lexical Structure", for `standard_conforming_strings`, which is on unless a
session says otherwise. What has no end reaches to the text's.
"""

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple


class Kind(Enum):
    CODE = auto()
    COMMENT = auto()
    NAME = auto()  # in double quotes
    STRING = auto()
    DOLLARS = auto()  # a string in dollar quotes, which is often code itself


class Segment(NamedTuple):
    """What stands between `opening` and `closing`, which are quotes; both are empty elsewhere."""

    kind: Kind
    opening: str
    body: str
    closing: str


# What may repeat never gives back what it took, `*+`: a text may be made to be slow to search.
_COMMENTS = r"(?P<line>--)[^\n\r]*+ | (?P<comment>/\*)"
_DOLLARS = r"(?P<dollars>(?<![\w$])\$(?:[^\W\d]\w*+)?\$)"
# A string goes on behind a line's end. Before Python 3.11.5 a group that may repeat does not give
# back what it half matched: hence the look ahead.
_LINE = r"(?:[^\S\n\r]|--[^\n\r]*+)*+[\n\r](?:\s|--[^\n\r]*+)*+'"
_ESCAPES = r"(?:[^'\\]|''|\\.)*+'?"
_SQL = rf"""
    {_COMMENTS} | {_DOLLARS}
    | (?P<name>")(?:[^"]|"")*+"?
    | (?P<escapes>\b[eE]'){_ESCAPES}(?:(?={_LINE}){_LINE}{_ESCAPES})*+
    | (?P<string>(?:\b[uU]&)?')(?:[^']|'')*+'?
"""
# Within a string there may be SQL, but also JSON or a connection string, which have backslashes.
_TEXT = rf"""
    {_COMMENTS} | {_DOLLARS}
    | (?P<name>")(?:[^"\\]|""|\\.)*+"?
    | (?P<string>(?:\b[eE]|\b[uU]&)?')(?:[^'\\]|''|\\.)*+'?
"""
_PATTERNS = {
    within: re.compile(pattern, re.VERBOSE | re.DOTALL)
    for within, pattern in ((False, _SQL), (True, _TEXT))
}
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_KINDS = {
    "line": Kind.COMMENT,
    "comment": Kind.COMMENT,
    "name": Kind.NAME,
    "escapes": Kind.STRING,
    "string": Kind.STRING,
    "dollars": Kind.DOLLARS,
}


def segments(text: str, *, within: bool = False) -> Iterator[Segment]:
    """All of the text, in its order. `within`: it stands in a string."""
    pattern = _PATTERNS[within]
    position = 0
    while found := pattern.search(text, position):
        if found.start() > position:
            yield Segment(Kind.CODE, "", text[position : found.start()], "")
        segment, position = _segment(text, found)
        yield segment
    if position < len(text):
        yield Segment(Kind.CODE, "", text[position:], "")


def _segment(text: str, found: re.Match[str]) -> tuple[Segment, int]:
    """What begins there, and where it ends."""
    name = found.lastgroup or ""
    opening, begin, end = found[name], found.end(name), found.end()
    match name:
        case "line":
            closing = ""
        case "comment":
            closing, end = "*/", _comment_end(text, begin)
        case "dollars":
            closing, end = opening, text.find(opening, begin)
            end = len(text) if end < 0 else end + len(opening)
        case _:
            closing = opening[-1]
    body = text[begin:end]
    closing = closing if body.endswith(closing) else ""
    return Segment(_KINDS[name], opening, body.removesuffix(closing), closing), end


def _comment_end(text: str, position: int) -> int:
    """Of the one that has begun before `position`; PostgreSQL's comments nest."""
    depth = 1
    for edge in _COMMENT_EDGE.finditer(text, position):
        depth += 1 if edge[0] == "/*" else -1
        if not depth:
            return edge.end()
    return len(text)
