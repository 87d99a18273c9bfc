"""What is done to a statement's text: redaction, and the search for the file that it names."""

from functools import partial

from protocols.api import Side
from protocols.mysql.local_files import names_file
from protocols.mysql.redaction import ESCAPED, PLAIN, redact, says_password
from tests.fuzz.conversation import Conversation
from tests.fuzz.limits import in_time
from tests.fuzz.target import Breach, Checked
from tests.fuzz.texts import most_seconds, text_of

_QUOTINGS = (ESCAPED, PLAIN)
_SECRET = b"s3cret"
SEEDS = (
    rb"ALTER USER joe IDENTIFIED BY 's3''cret'; SELECT 1",
    rb"CREATE USER joe IDENTIFIED WITH caching_sha2_password AS 's3\'cret' -- one",
    rb"SET PASSWORD FOR 'joe'@'%' = PASSWORD('s3cret')",
    rb"SET PASSWORD /* a */ = 's3cret' # more",
    rb"CREATE USER a IDENTIFIED VIA ed25519 USING 's3cret' OR unix_socket",
    rb"ALTER USER joe IDENTIFIED BY 'new' REPLACE 's3cret' RETAIN CURRENT PASSWORD",
    rb"CHANGE REPLICATION SOURCE TO SOURCE_PASSWORD = 's3cret', SOURCE_USER = 'a'",
    rb"CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (USER 'u', PASSWORD 's3cret')",
    rb"PREPARE p FROM 'ALTER USER joe IDENTIFIED BY ''s3cret'''",
    rb"CREATE TABLE t CONNECTION='mysql://joe:s3cret@db/shop/t'",
    rb"/*!80000 ALTER USER joe */ IDENTIFIED BY _utf8mb4'a' 'b' 0x61, `password` x",
    rb"UPDATE mysql.user SET authentication_string = X'00' WHERE User = 'a'",
    rb"LOAD DATA LOCAL INFILE 'o''brien.csv' INTO TABLE t FIELDS TERMINATED BY '\t'",
    b"SELECT '\xbf\\' , \"password\" FROM t WHERE c = '\x81''' -- x",
)
"""What a statement's text may be that matters here."""


def check_redaction(conversation: Conversation) -> Checked:
    text = text_of(conversation)
    quoting = _QUOTINGS[conversation.dice // 256 % len(_QUOTINGS)]
    redacted = in_time(partial(redact, text, quoting), most_seconds(text))
    if not says_password(text.decode(errors="replace")) and b"://" not in text and redacted != text:
        raise Breach(f"changed {text!r}")
    after = b"SET PASSWORD = '%b'; %b" % (_SECRET, text.replace(_SECRET, b""))
    if _SECRET in redact(after, quoting):
        raise Breach(f"tells a password before {text!r}")
    return Checked(1, min(redacted.count(b"***"), 5))


def check_files(conversation: Conversation) -> Checked:
    """Upstream asks for what it says; a statement in which that stands nowhere does not name it."""
    text, asked = text_of(conversation), conversation.said(Side.UPSTREAM)[:512] or b"o'brien.csv"
    statement = text.decode("utf-8", "surrogateescape")
    named = in_time(partial(names_file, statement, asked), most_seconds(text))
    bare = asked.translate(None, b"\\'\"")
    if named and bare not in text.translate(None, b"\\'\""):
        raise Breach(f"{asked!r} is a file of {text!r}")
    return Checked(1, named)
