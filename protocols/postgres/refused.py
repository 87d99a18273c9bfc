"""Which statements a role refuses, judged by their text.

Best effort beside the server's own grants: SQL can put a statement together out of pieces.
Source: "SQL Syntax, Lexical Structure".
"""

import re
from collections.abc import Iterable, Iterator, Sequence

_SENTENCES = {
    "password-change": "does not allow setting passwords",
    "copy-program": "does not allow COPY to or from a program",
}
# What a statement begins with, and what comes later in it: two searches, since one for both could
# be made to take very long.
_PATTERNS = {
    "password-change": (
        re.compile(r"\b(?:ALTER|CREATE)\s++(?:ROLE|USER|GROUP)\b(?!\s++MAPPING\b)", re.I),
        re.compile(r"\bPASSWORD\b", re.I),
    ),
    "copy-program": (
        re.compile(r"\bCOPY\b", re.I),
        re.compile(r"\b(?:FROM|TO)\s++PROGRAM\b", re.I),
    ),
}
_OPAQUE = re.compile(
    r"""
    --[^\n]*+
    | (?P<comment>/\*)
    | (?P<name>"(?:[^"]|"")*+"?)
    | \b[eE]'(?:[^'\\]|''|\\.)*+'?
    | '(?:[^']|'')*+'?
    | (?P<quote>(?<![\w$])\$(?:[^\W\d]\w*)?\$)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_ENDS = re.compile(r"/\*|\*/")
_MAX_DEPTH = 4  # of quoted bodies within quoted bodies


def why_refused(statement: str, refuse: Sequence[str]) -> str | None:
    """What the role does not allow of this statement, to go after its name; None: all is well."""
    statements = "".join(_bare(statement, 0)).split(";")
    return next((_SENTENCES[name] for name in refuse if _is_among(name, statements)), None)


def _is_among(name: str, statements: Iterable[str]) -> bool:
    opening, later = _PATTERNS[name]
    return any(
        (begun := opening.search(statement)) and later.search(statement, begun.end())
        for statement in statements
    )


def _bare(statement: str, depth: int) -> Iterator[str]:
    """The statement without comments and literals, but with dollar-quoted bodies, for those are
    often code themselves."""
    position = 0
    while found := _OPAQUE.search(statement, position):
        yield statement[position : found.start()]
        yield " "
        position = found.end()
        if found["comment"]:
            position = _after_comment(statement, position)
        elif found["name"]:
            yield '"" '
        elif quote := found["quote"]:
            end = statement.find(quote, position)
            body = statement[position:] if end < 0 else statement[position:end]
            if depth < _MAX_DEPTH:
                yield from _bare(body, depth + 1)
                yield " ; "
            position += len(body) + len(quote)
    yield statement[position:]


def _after_comment(statement: str, position: int) -> int:
    """Where the comment ends that has begun before `position`; PostgreSQL's comments nest."""
    depth = 1
    for edge in _COMMENT_ENDS.finditer(statement, position):
        depth += 1 if edge[0] == "/*" else -1
        if not depth:
            return edge.end()
    return len(statement)
