"""What is done to a statement's text: redaction, and the judgement of those that are refused.

Both are regular expressions over foreign text, and hold up every session while they search.
"""

import re
from functools import partial

from protocols.api import Side
from protocols.postgres.redaction import redact
from protocols.postgres.refused import why_refused
from protocols.postgres.values import readable
from tests.fuzz.conversation import Conversation, Framing
from tests.fuzz.limits import in_time
from tests.fuzz.target import Breach, Checked

_LONGEST, _LONG = 65_536, 8_192
_SECONDS, _SECONDS_PER_CHARACTER = 0.05, 1e-5
_SECRET = "s3cret"
_REFUSE = ("password-change", "copy-program")
SEEDS = (
    "ALTER ROLE joe ENCRYPTED PASSWORD 's3''cret' LOGIN; SELECT 1",
    "CREATE USER joe PASSWORD E's3\\'cret' -- one\n  'more'",
    "ALTER ROLE joe PASSWORD /* a /* b */ */ $q$s3$$cret$q$ LOGIN",
    "ALTER USER joe PASSWORD 'SCRAM-SHA-256$4096:salt$stored:server'",
    "CREATE USER MAPPING FOR joe SERVER s OPTIONS (SET \"password\" 'x', user U&'joe')",
    "CREATE SUBSCRIPTION s CONNECTION 'host=h password=x user=u' PUBLICATION p",
    "SELECT dblink('password=''a b\\''c'' dbname=d', 'SELECT 1')",
    "SELECT dblink($$password='a b' dbname=d$$), 'postgresql://joe:x@db/shop'",
    'UPDATE users SET password = \'x\', n = $1 WHERE id => 1 AND note := "q""q"',
    "DO $$BEGIN EXECUTE 'ALTER ROLE joe PASSWORD ''x'''; END$$",
    "COPY t FROM PROGRAM 'cat /etc/passwd' WITH (FORMAT csv)",
    "COPY (SELECT 1) TO /* p */ PROGRAM 'sh'",
    "SELECT 'a', $tag$b$tag$, E'\\'' FROM t -- comment\nWHERE c = 'd' /* e */",
)
"""What a statement's text may be that matters here."""

_WORD = re.compile(rb"\w+|\s+|.", re.S)


class _Words:
    """A statement's words are its messages: what moves, repeats and is lost."""

    @property
    def header(self) -> int:
        return 0

    def split(self, data: bytes) -> list[bytes]:
        return _WORD.findall(data)

    def fit(self, message: bytes) -> bytes:
        return message

    def claim(self, message: bytes, length: int) -> bytes:
        return message


WORDS: dict[Side, Framing] = {side: _Words() for side in Side}


def check_redaction(conversation: Conversation) -> Checked:
    text = _text(conversation)
    redacted = in_time(partial(redact, text), _bound(text))
    if "password" not in text.lower() and "://" not in text and redacted != text:
        raise Breach(f"changed {text!r}")
    if _SECRET not in text and _SECRET in redact(f"{text} password={_SECRET}"):
        raise Breach(f"tells a password after {text!r}")
    return Checked(1, min(redacted.count("***"), 5))


def check_refused(conversation: Conversation) -> Checked:
    text = _text(conversation)
    return Checked(1, in_time(partial(why_refused, text, _REFUSE), _bound(text)))


def _text(conversation: Conversation) -> str:
    """Now and then as often as it fits: what is slow to search is so where it repeats."""
    text = readable(conversation.said(Side.CLIENT))
    if conversation.dice % 256 == 1 and text:
        return (text * (_LONGEST // len(text) + 1))[:_LONGEST]
    return text[:_LONG]


def _bound(text: str) -> float:
    return _SECONDS + _SECONDS_PER_CHARACTER * len(text)
