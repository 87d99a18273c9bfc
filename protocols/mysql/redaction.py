"""Takes passwords out of a statement's text before it is audited.

Best effort beside the server's own rules: SQL can build a password out of pieces. The text is gone
over once, token by token, for a pattern of the whole would try again and again on a text made for
that. It is bytes, for where a literal ends depends on the session: in GBK or Shift-JIS a backslash
may be half of a character, and NO_BACKSLASH_ESCAPES makes it one like any other.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

ESCAPED = "escaped"
PLAIN = "plain"
"""Ways of quoting: with backslash escapes and without."""

_HIDDEN = b"'***'"
# Right behind these comes a password: IDENTIFIED WITH plugin BY '...', AS '...', USING '...'
_TIGHT = (b"by", b"as", b"using", b"replace")
# Behind these there may be more between: SOURCE_PASSWORD = '...', PASSWORD('...')
_LOOSE = (b"password", b"authentication_string")
_MOST_OF_ACCOUNT = 16  # tokens between PASSWORD FOR and the =

_BIG5, _SJIS, _GBK, _CP932, _GB18030 = {1, 84}, {13, 88}, {28, 87}, {95, 96}, {248, 249, 250}
_QUOTINGS = dict.fromkeys(_BIG5 | _GBK | _GB18030, "gbk") | dict.fromkeys(_SJIS | _CP932, "sjis")
_CHARACTERS = {  # what may stand in a literal, beside its quotes doubled
    ESCAPED: rb"[^'\\]+ | \\.",
    PLAIN: rb"[^']+",
    "gbk": rb"[^'\\\x81-\xfe]+ | [\x81-\xfe]. | \\.",
    "sjis": rb"[^'\\\x81-\x9f\xe0-\xfc]+ | [\x81-\x9f\xe0-\xfc]. | \\.",
}


def _pattern(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL | re.VERBOSE)


_NAME = rb"`[^`]*`?"
_COMMENT = rb"--\s[^\n]* | \#[^\n]* | /\*(?!M?!)[^*]*(?:\*(?!/)[^*]*)*(?:\*/)?"
_BETWEEN = rb"\s+ | %b | /\*M?![0-9]* | \*/" % _COMMENT  # what /*! begins is no comment
_GAP = _pattern(_BETWEEN)
_JOINT = _pattern(_BETWEEN + rb" | :?= | \(")
_FOR = _pattern(rb"for\b")
_URI = re.compile(rb"(\b\w{1,32}://[^\s:@/'\"]{0,255}:)[^\s@/'\"]+(?=@)")


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


def quoting(charset: int) -> str:
    """How literals end in a session that began with this collation, and has backslash escapes."""
    return _QUOTINGS.get(charset, ESCAPED)


def says_password(statement: bytes) -> bool:
    """Whether a password may be among what it says, or what it is run with."""
    lowered = statement.lower()
    return b"password" in lowered or b"identified" in lowered or b"authentication_" in lowered


def redact(statement: bytes, quoting: str = ESCAPED) -> bytes:
    """The statement with `'***'` where it says a password."""
    if says_password(statement):
        statement = _hide(statement, quoting)
    return _URI.sub(rb"\1***", statement) if b"://" in statement else statement


def _hide(statement: bytes, quoting: str, *, nested: bool = False) -> bytes:
    pieces, position = [], 0
    for start, end, instead in _secrets(statement, quoting, nested=nested):
        pieces += [statement[position:start], instead]
        position = end
    return b"".join([*pieces, statement[position:]])


def _secrets(statement: bytes, quoting: str, *, nested: bool) -> Iterator[tuple[int, int, bytes]]:
    """Where something is hidden, and what it is replaced by."""
    patterns, position = _PATTERNS[quoting], 0
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
        elif word[:1] in (b"'", b'"') and not nested and says_password(word):
            yield token.start(), token.end(), _hide_inside(token[0], quoting)


def _skip(pattern: re.Pattern[bytes], statement: bytes, position: int, most: int = 1 << 20) -> int:
    while most and (piece := pattern.match(statement, position)):
        position, most = piece.end(), most - 1
    return position


def _skip_account(statement: bytes, position: int, patterns: _Quoting) -> int:
    """Go behind the = of SET PASSWORD FOR 'user'@'host' = '...'"""
    equals = _skip(patterns.account, statement, position, _MOST_OF_ACCOUNT)
    return _skip(_JOINT, statement, equals) if statement[equals : equals + 1] == b"=" else position


def _hide_inside(literal: bytes, quoting: str) -> bytes:
    """A literal may be a statement itself, for PREPARE or EXECUTE IMMEDIATE."""
    quote = literal[:1]
    statement = literal[1:].removesuffix(quote).replace(quote * 2, quote)
    if quoting != PLAIN:
        statement = statement.replace(b"\\" + quote, quote)
    hidden = _hide(statement, quoting, nested=True)
    return literal if hidden == statement else quote + hidden.replace(quote, quote * 2) + quote
