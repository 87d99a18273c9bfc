"""Which statements a role refuses: by what they do, however they are written."""

import time

import pytest

from protocols.postgres.refused import why_refused

_ALL = ("password-change", "copy-program")


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER ROLE app PASSWORD 'secret'",
        "alter user current_user with encrypted password 'secret'",
        "ALTER USER \"o'brien\" PASSWORD 'secret'",
        "CREATE ROLE app LOGIN PASSWORD 'secret'",
        "ALTER /* it's /* a */ comment */ ROLE -- 'another\n app\nPASSWORD 'secret'",
        "SELECT 1; ALTER ROLE app VALID UNTIL 'infinity' PASSWORD 'secret'",
        "DO $$BEGIN ALTER ROLE app PASSWORD 'secret'; END$$",
        "SELECT $a$ it's $a$; ALTER ROLE app PASSWORD 'secret'",
        "DO $a$BEGIN EXECUTE $b$ALTER ROLE app PASSWORD 'secret'$b$; END$a$",
        "ALTER ROLE app PASSWORD NULL",
    ],
)
def test_passwords_are_not_set(statement: str) -> None:
    assert why_refused(statement, _ALL) == "does not allow setting passwords"
    assert why_refused(statement, ("copy-program",)) is None


@pytest.mark.parametrize(
    "statement",
    [
        "COPY t FROM PROGRAM 'id'",
        "copy (select 1) to program 'cat'",
        "COPY t (a, b)\nFROM -- here\n PROGRAM 'id' WITH CSV",
    ],
)
def test_programs_are_not_run(statement: str) -> None:
    assert why_refused(statement, _ALL) == "does not allow COPY to or from a program"
    assert why_refused(statement, ("password-change",)) is None


@pytest.mark.parametrize(
    "statement",
    [
        "",
        "SELECT password FROM users",
        "SET password_encryption = 'scram-sha-256'",
        "ALTER ROLE app SET search_path = 'x'; SELECT 'password'",
        "INSERT INTO notes VALUES ('ALTER ROLE app PASSWORD ''x''')",
        "SELECT E'it\\'s; ALTER ROLE app PASSWORD'",
        "-- ALTER ROLE app PASSWORD",
        "/* /* */ ALTER ROLE app PASSWORD */",
        'SELECT 1 AS "ALTER ROLE app PASSWORD"',
        "CREATE USER MAPPING FOR app SERVER s OPTIONS (password 'x')",
        "COPY t FROM STDIN",
        "COPY t FROM '/tmp/from program'",
        "COPY program FROM STDIN",
    ],
)
def test_the_rest_goes_on(statement: str) -> None:
    assert why_refused(statement, _ALL) is None


@pytest.mark.parametrize(
    "piece", ["ALTER ROLE ", "COPY ", "'", "/*", "$$", "$a$", '"', "E'\\", ";"]
)
def test_no_statement_takes_long_to_judge(piece: str) -> None:
    statement = piece * ((1 << 20) // len(piece))
    begun = time.process_time()
    why_refused(statement, _ALL)
    assert time.process_time() - begun < 5
