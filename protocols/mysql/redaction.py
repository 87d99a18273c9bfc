"""Takes passwords out of a statement's text before it is audited.

Best effort beside the server's own rules: SQL can build a password out of pieces. The text is gone
over token by token, for a pattern of the whole would try again and again on a text made for that.

It is bytes, for where a literal ends depends on the session: NO_BACKSLASH_ESCAPES makes a backslash
a character like any other, and in GBK or Shift-JIS it may be half of one. The former upstream tells
in every answer. The latter a client may change by what no proxy sees, such as a procedure; so where
a backslash may be half of a character the text is read in every way, and what is a password in one
of them is hidden.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from protocols.mysql.packets import text

ESCAPED = "escaped"
PLAIN = "plain"
"""Ways of quoting: with backslash escapes and without."""

_HIDDEN = b"'***'"
# Right behind these comes a password: IDENTIFIED WITH plugin BY '...', AS '...', USING '...'
_TIGHT = (b"by", b"as", b"using", b"replace")
# Behind these there may be more between: SOURCE_PASSWORD = '...', PASSWORD('...')
_LOOSE = (b"password", b"authentication_string")
_MOST_OF_ACCOUNT = 16  # tokens between PASSWORD FOR and the =

_GBK, _SJIS = "gbk", "sjis"  # the former is also Big5's and GB 18030's way, and the latter CP932's
_CHARACTERS = {  # what may stand in a literal, beside its quotes doubled
    ESCAPED: rb"[^'\\]+ | \\.",
    PLAIN: rb"[^']+",
    _GBK: rb"[^'\\\x81-\xfe]+ | [\x81-\xfe][\x40-\xfe]? | \\.",
    _SJIS: rb"[^'\\\x81-\x9f\xe0-\xfc]+ | [\x81-\x9f\xe0-\xfc][\x40-\xfc]? | \\.",
}
_HALF_OF_A_CHARACTER = re.compile(rb"[\x81-\xfe]\\")


def _pattern(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL | re.VERBOSE)


_NAME = rb"`[^`]*`?"
_COMMENT = rb"--\s[^\n]* | \#[^\n]* | /\*(?!M?!)[^*]*(?:\*(?!/)[^*]*)*(?:\*/)?"
_BETWEEN = rb"\s+ | %b | /\*M?![0-9]* | \*/" % _COMMENT  # what /*! begins is no comment
_GAP = _pattern(_BETWEEN)
_JOINT = _pattern(_BETWEEN + rb" | :?= | \(")
_FOR = _pattern(rb"for\b")
_URI = re.compile(rb"(\b\w{1,32}://[^\s:@/'\"]{0,255}:)[^\s@/'\"]+(?=@)")

_Secret = tuple[int, int, bytes]
"""Where something is hidden, and what it is replaced by."""


@dataclass(frozen=True, slots=True)
class _Quoting:
    """The patterns that depend on where a literal ends. Of two ways to go on, the next byte tells
    which: none of them ever tries again."""

    token: re.Pattern[bytes]
    secret: re.Pattern[bytes]
    account: re.Pattern[bytes]


def _quoting(characters: bytes) -> _Quoting:
    single = rb"'(?: %b | '')*'?" % characters
    literal = rb"%b | %b" % (single, single.replace(b"'", b'"'))
    return _Quoting(
        token=_pattern(rb"%b | %b | %b | [\w$\x80-\xff]+" % (literal, _NAME, _COMMENT)),
        secret=_pattern(rb"(?: _\w+\s* | [nxb](?=['\"]) )? (?: %b ) | 0x[0-9a-f]+" % literal),
        account=_pattern(rb"%b | %b | %b | [\w$@.%%()\x80-\xff-]+" % (literal, _NAME, _BETWEEN)),
    )


_PATTERNS = {name: _quoting(characters) for name, characters in _CHARACTERS.items()}


def says_password(statement: str) -> bool:
    """Whether a password may be among what it says, or what it is run with."""
    lowered = statement.lower()
    return "password" in lowered or "identified" in lowered or "authentication_" in lowered


def says_secret(statement: str) -> bool:
    """Whether redaction may change it."""
    return says_password(statement) or "://" in statement


def redact(statement: bytes, quoting: str = ESCAPED) -> bytes:
    """The statement with `'***'` where it says a password."""
    if says_password(text(statement)):
        unsure = quoting == ESCAPED and _HALF_OF_A_CHARACTER.search(statement)
        statement = _hide(statement, (ESCAPED, _GBK, _SJIS) if unsure else (quoting,))
    return _URI.sub(rb"\1***", statement) if b"://" in statement else statement


def _hide(statement: bytes, ways: Sequence[str], *, nested: bool = False) -> bytes:
    pieces, position = [], 0
    secrets = (secret for way in ways for secret in _secrets(statement, way, nested=nested))
    for start, end, instead in _joined(secrets):
        pieces += [statement[position:start], instead]
        position = end
    return b"".join([*pieces, statement[position:]])


def _joined(secrets: Iterable[_Secret]) -> list[_Secret]:
    """In their order, and those that overlap as one."""
    joined: list[_Secret] = []
    for start, end, instead in sorted(set(secrets)):
        if joined and start < joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1]), _HIDDEN
        else:
            joined.append((start, end, instead))
    return joined


def _secrets(statement: bytes, way: str, *, nested: bool) -> Iterator[_Secret]:
    patterns, position = _PATTERNS[way], 0
    while token := patterns.token.search(statement, position):
        position, word = token.end(), token[0].lower()
        loose = word.strip(b"`'\"").endswith(_LOOSE)
        if loose or word in _TIGHT:
            position = _skip(_JOINT if loose else _GAP, statement, position)
            if loose and _FOR.match(statement, position):
                position = _skip_account(statement, position, patterns)
            while secret := patterns.secret.match(statement, position):
                yield secret.start(), secret.end(), _HIDDEN
                position = _skip(_GAP, statement, secret.end())
        elif word[:1] in (b"'", b'"') and not nested:
            hidden = _hide_inside(token[0], way)
            if hidden != token[0]:
                yield token.start(), token.end(), hidden


def _skip(pattern: re.Pattern[bytes], statement: bytes, position: int, most: int = 1 << 20) -> int:
    while most and (piece := pattern.match(statement, position)):
        position, most = piece.end(), most - 1
    return position


def _skip_account(statement: bytes, position: int, patterns: _Quoting) -> int:
    """Go behind the = of SET PASSWORD FOR 'user'@'host' = '...'"""
    equals = _skip(patterns.account, statement, position, _MOST_OF_ACCOUNT)
    return _skip(_JOINT, statement, equals) if statement[equals : equals + 1] == b"=" else position


def _hide_inside(literal: bytes, way: str) -> bytes:
    """A literal may be a statement itself, for PREPARE or EXECUTE IMMEDIATE."""
    if not says_password(text(literal)):
        return literal
    quote = literal[:1]
    statement = literal[1:].removesuffix(quote).replace(quote * 2, quote)
    if way != PLAIN:
        statement = statement.replace(b"\\" + quote, quote)
    hidden = _hide(statement, (way,), nested=True)
    return literal if hidden == statement else quote + hidden.replace(quote, quote * 2) + quote
