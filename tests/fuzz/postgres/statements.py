"""What is done to a statement's text: redaction, and the judgement of those that are refused.

Both are regular expressions over foreign text, and hold up every session while they search.
"""

from functools import partial

from protocols.postgres.redaction import redact
from protocols.postgres.refused import why_refused
from protocols.postgres.values import readable
from tests.fuzz.conversation import Conversation
from tests.fuzz.limits import in_time
from tests.fuzz.target import Breach, Checked
from tests.fuzz.texts import most_seconds, text_of

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


def check_redaction(conversation: Conversation) -> Checked:
    text = _text(conversation)
    redacted = in_time(partial(redact, text), most_seconds(text))
    if "password" not in text.lower() and "://" not in text and redacted != text:
        raise Breach(f"changed {text!r}")
    if _SECRET not in text and _SECRET in redact(f"{text} password={_SECRET}"):
        raise Breach(f"tells a password after {text!r}")
    return Checked(1, min(redacted.count("***"), 5))


def check_refused(conversation: Conversation) -> Checked:
    text = _text(conversation)
    return Checked(1, in_time(partial(why_refused, text, _REFUSE), most_seconds(text)))


def _text(conversation: Conversation) -> str:
    return readable(text_of(conversation))
