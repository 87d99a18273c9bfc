"""Where a statement says a password it is taken out, and the rest stays as it was."""

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.postgres.redaction import may_say_password, redact


@pytest.mark.parametrize(
    ("statement", "redacted"),
    [
        ("ALTER ROLE joe PASSWORD 's3cret' LOGIN", "ALTER ROLE joe PASSWORD '***' LOGIN"),
        ("alter role joe password 's3cret'", "alter role joe password '***'"),
        ("ALTER ROLE joe ENCRYPTED PASSWORD\n\t's3cret'", None),
        ("ALTER ROLE joe PASSWORD's3cret'", None),
        ("ALTER ROLE joe PASSWORD 's3''cret' LOGIN", "ALTER ROLE joe PASSWORD '***' LOGIN"),
        (r"ALTER ROLE joe PASSWORD E's3\'cret' LOGIN", "ALTER ROLE joe PASSWORD '***' LOGIN"),
        ("ALTER ROLE joe PASSWORD U&'s3cret' LOGIN", "ALTER ROLE joe PASSWORD '***' LOGIN"),
        ("ALTER ROLE joe PASSWORD $$s3cret$$ LOGIN", "ALTER ROLE joe PASSWORD '***' LOGIN"),
        ("ALTER ROLE joe PASSWORD $q$s3$$cret$q$ LOGIN", "ALTER ROLE joe PASSWORD '***' LOGIN"),
        ("ALTER ROLE joe PASSWORD 's3cret, cut here", "ALTER ROLE joe PASSWORD '***'"),
        ("ALTER ROLE joe PASSWORD $$s3cret, cut here", "ALTER ROLE joe PASSWORD '***'"),
        (
            "ALTER ROLE joe PASSWORD 's3'\n's3cret' LOGIN",
            "ALTER ROLE joe PASSWORD '***'\n'***' LOGIN",
        ),
        ("ALTER ROLE joe PASSWORD 's3' \n\t\n 's3'\r\n's3cret' LOGIN", None),
        ("ALTER ROLE joe PASSWORD 's3' -- one\n  -- two\n's3cret' LOGIN", None),
        (
            "ALTER ROLE joe PASSWORD E's3'\n's3\\'s3cret' LOGIN",
            "ALTER ROLE joe PASSWORD '***' LOGIN",
        ),
        ("ALTER ROLE joe PASSWORD 's3'\n's3cret, cut here", "ALTER ROLE joe PASSWORD '***'\n'***'"),
        ("ALTER ROLE joe PASSWORD/**/'s3cret' LOGIN", "ALTER ROLE joe PASSWORD/**/'***' LOGIN"),
        ("ALTER ROLE joe PASSWORD /* a\nb */ -- c\n's3cret'", None),
        (
            "ALTER ROLE joe PASSWORD /* a /* b */ 'no' */ 's3cret' LOGIN",
            "ALTER ROLE joe PASSWORD /* a /* b */ 'no' */ '***' LOGIN",
        ),
        ("ALTER ROLE joe PASSWORD /* " + "long " * 10_000 + "*/ 's3cret'", None),
        ("ALTER ROLE joe PASSWORD " + "/* short */" * 5_000 + "-- x\n" * 5_000 + "'s3cret'", None),
        ("ALTER ROLE joe PASSWORD --\r's3cret'", "ALTER ROLE joe PASSWORD --\r'***'"),
        ("ALTER ROLE joe PASSWORD /*/ */ 's3cret'", "ALTER ROLE joe PASSWORD /*/ */ '***'"),
        ("SELECT f(password /* its */ => /* own */ 's3cret')", None),
        ("/* /* */ ALTER ROLE joe PASSWORD /**/ 's3cret'", None),
        ("ALTER ROLE joe PASSWORD 'md5' /* no */ , PASSWORD 's3cret'", None),
        ("CREATE USER a PASSWORD 's3cret'; CREATE USER b PASSWORD 's3cret'", None),
        ("ALTER USER joe PASSWORD 'SCRAM-SHA-256$4096:s3cret$s3cret:s3cret'", None),
        (
            "CREATE USER MAPPING FOR joe SERVER s OPTIONS (user 'joe', password 's3cret')",
            "CREATE USER MAPPING FOR joe SERVER s OPTIONS (user 'joe', password '***')",
        ),
        (
            "CREATE SUBSCRIPTION s CONNECTION 'host=h password=s3cret user=u' PUBLICATION p",
            "CREATE SUBSCRIPTION s CONNECTION 'host=h password=*** user=u' PUBLICATION p",
        ),
        (
            "CREATE USER MAPPING FOR joe SERVER s OPTIONS (\"password\" 's3cret', user 'joe')",
            "CREATE USER MAPPING FOR joe SERVER s OPTIONS (\"password\" '***', user 'joe')",
        ),
        (
            "ALTER SUBSCRIPTION s CONNECTION 'host=h user=u password=s3cret'",
            "ALTER SUBSCRIPTION s CONNECTION 'host=h user=u password=***'",
        ),
        ("CREATE SUBSCRIPTION s CONNECTION 'postgresql://u:s3cret@h/db' PUBLICATION p", None),
        ("CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (password 's3cret')", None),
        ("SELECT dblink_connect('c', 'user=u password=s3cret')", None),
        ("ALTER USER MAPPING FOR joe SERVER s OPTIONS (SET \"password\" 's3cret')", None),
        ("SELECT dblink('password = s3cret dbname=d', 'SELECT 1')", None),
        ("SELECT dblink('password=''s3 s3cret'' dbname=d', 'SELECT 1')", None),
        ("SELECT dblink('dbname=d password=''s3 s3cret''')", None),
        ("SELECT dblink('password=''s3\\''s s3cret'' dbname=d')", None),
        ("SELECT dblink('password=''s3 s3cret''')", "SELECT dblink('password=''***''')"),
        (
            "SELECT dblink('password=s3\\ s3cret dbname=d')",
            "SELECT dblink('password=*** dbname=d')",
        ),
        (r"SELECT dblink(E'password=\'s3 s3cret\' dbname=d')", None),
        ("SELECT dblink($$password='s3 s3cret' dbname=d$$)", None),
        ("SELECT dblink('sslpassword=s3cret')", "SELECT dblink('sslpassword=***')"),
        ("SELECT dblink('postgresql://joe:s3cret@db/shop')", None),
        ("SELECT dblink('postgres://joe:s3cret@db')", "SELECT dblink('postgres://joe:***@db')"),
        ("postgresql://joe:s3cret@db/shop", "postgresql://joe:***@db/shop"),
        ("SELECT http('https://joe:s3cret@example.org/')", None),
        (
            """INSERT INTO c VALUES ('{"Password": "s3\\"s3cret", "a": 1}')""",
            """INSERT INTO c VALUES ('{"Password": "***", "a": 1}')""",
        ),
        (r"""SELECT E'{\"password\": \"s3cret\", \"a\": 1}'""", None),
        ("""SELECT '{"db_password" : "s3cret, cut here""", """SELECT '{"db_password" : "***\""""),
        ("UPDATE users SET password = 's3cret' WHERE id = 1", None),
        ("UPDATE users SET user_password='s3cret'", "UPDATE users SET user_password='***'"),
        ("SELECT f(password => 's3cret', a => 1)", "SELECT f(password => '***', a => 1)"),
        ("DO $$BEGIN p.password := 's3cret'; END$$", "DO $$BEGIN p.password := '***'; END$$"),
    ],
)
def test_a_password_is_taken_out(statement: str, redacted: str | None) -> None:
    assert "s3cret" not in redact(statement)
    assert "***" in redact(statement)
    if redacted is not None:
        assert redact(statement) == redacted


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 'a', $$b$$ FROM t WHERE c = 'd'",
        "SELECT password FROM users",
        "ALTER ROLE joe PASSWORD NULL",
        "ALTER ROLE joe PASSWORD /* a /* b */ */ NULL VALID UNTIL 'tomorrow'",
        "ALTER ROLE joe PASSWORD /* never ends 's3cret'",
        """SELECT '{"password": null, "a": "b"}'""",
        "SELECT * FROM users WHERE password = $1",
        "SELECT 'https://example.org:443/a@b'",
        "SELECT 'postgresql://joe@db:5432/shop'",
        "SELECT password_changed_at = 'x' FROM users",
        "SELECT password, 'a'\n'b' FROM users",
        "SELECT \"password\" FROM users WHERE name = 'joe'",
        "SELECT password /* of all */ FROM users",
    ],
)
def test_what_says_no_password_stays(statement: str) -> None:
    assert redact(statement) == statement


@pytest.mark.parametrize(
    ("said", "run"),
    [
        ("/* password ' */", " DROP TABLE t"),
        ("/* password $$ */", " DROP TABLE t"),
        ('/* password " /* */ = */', " DROP TABLE t"),
        ("-- password $a$", "\nDROP TABLE t"),
        ("--password='", "\rDROP TABLE t -- '"),
        ("SELECT 'password '", " || f('x') || 'y'"),
        ("SELECT $$password '$$", "; DROP TABLE t; SELECT 'x'"),
        ("SELECT $a$password $b$ $a$", "; DROP TABLE t; SELECT $b$x$b$"),
        ('SELECT 1 AS "password \'"', "; DROP TABLE t; SELECT 'x'"),
        ("SELECT E'password \\''", "; DROP TABLE t; SELECT 'x'"),
        ("SELECT 'password \\'", "; DROP TABLE t; SELECT 'x'"),
        ("SELECT 1 AS password", "; DROP TABLE t; SELECT 'x'"),
        ("SELECT 1 AS password$a$", "; DROP TABLE t; SELECT 1 AS b$a$"),
        ("UPDATE t SET password=", "lo_unlink(1), id=pg_catalog.lo_unlink(2)"),
        ("SELECT '://a:'", "; DROP TABLE t; SELECT '@'"),
        ("SELECT", "://a:lo_unlink(1)@b"),
        ("/*://a:*/", "DROP/**/TABLE/**/t/*@*/"),
    ],
)
def test_nothing_that_is_run_can_be_kept_from_being_told(said: str, run: str) -> None:
    """Whoever wants to hide it says `password` before it."""
    assert redact(said + run).endswith(run)


_hiding = st.lists(
    st.sampled_from(["password", "=", ":", "'", "$$", "$a$", '"', "\\", " ", "x", "://"])
)


@given(_hiding.map("".join))
def test_what_a_comment_says_hides_nothing_behind_it(junk: str) -> None:
    commented = junk.rstrip("/")  # which would begin a comment within the comment
    assert redact(f"/*{commented}*/ DROP TABLE t").endswith("*/ DROP TABLE t")
    assert redact(f"--{junk}\nDROP TABLE t").endswith("\nDROP TABLE t")


@given(_hiding.map("".join))
def test_what_a_string_says_hides_nothing_behind_it(junk: str) -> None:
    doubled = junk.replace("'", "''")
    assert redact(f"SELECT '{doubled}'; DROP TABLE t").endswith("'; DROP TABLE t")
    assert redact(f"SELECT $q${junk}$q$; DROP TABLE t").endswith("$q$; DROP TABLE t")


def test_a_uri_may_be_cut_before_its_host() -> None:
    cut = "SELECT dblink('postgres://joe:s3cr"
    assert redact(cut, cut=True) == "SELECT dblink('postgres://joe:***"
    assert redact(cut) == cut


@pytest.mark.parametrize("text", [b"x PassWord y", b"x://y", b"sslpassword"])
def test_what_may_say_a_password(text: bytes) -> None:
    assert may_say_password(text)


@pytest.mark.parametrize("text", [b"", b"x pass word y", b"x:/y"])
def test_what_says_none_for_certain(text: bytes) -> None:
    assert not may_say_password(text)


_words = st.sampled_from(["password", "'", "''", "$", "$a$", "=", " ", "x", "\\", "E'", "://", ";"])


@given(st.lists(_words).map("".join))
def test_a_password_is_taken_out_whatever_stands_before_it(before: str) -> None:
    assert "s3cret" not in redact(f"{before} password=s3cret")


_REPEATED = [
    "password ",
    "password '",
    "password ''",
    "password $a",
    "password $$",
    "password=",
    "''",
]
_REPEATED += [
    " ",
    "a",
    "\\",
    "$a$",
    "postgres://",
    "postgres://a:",
    "password ''a",
    "PASSWORD 'a''",
    "''''",
    "\\''",
    "\\'",
    "password ''a\\''",
    "password E'a'\n'",
    "password 'a'\n",
    "'\n",
    "'--\n'",
    "\n",
    "--",
    "password --\n",
    "/*",
    "/* */",
    "password/*",
    'password"',
    "password=\\",
    "--password\n",
    "-- password",
    "password --x\\ =",
    "/*password*/",
    "/*password",
    "/* /*",
    "*/",
    "-- \n",
    "/**/",
    'password": "',
    'password": "\\',
    '\\"',
    "://a:",
]


@pytest.mark.parametrize("repeated", _REPEATED)
@pytest.mark.parametrize(
    "before",
    ["password", "password '", "password ''", "password 'a'", "password = ", "://postgres://"],
)
def test_no_statement_takes_long(before: str, repeated: str) -> None:
    """It holds up every session; a pattern that tries again takes minutes for some of these."""
    statement = (before + repeated * 65_536)[:65_536]
    begun = process_time()
    redact(statement)
    assert process_time() - begun < 0.5
