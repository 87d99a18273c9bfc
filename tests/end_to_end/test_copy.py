"""COPY both ways, far more than any buffer holds, and nothing of it changed."""

import hashlib
from collections.abc import Iterator
from itertools import islice
from typing import Any

import psycopg
import pytest

from tests.keyless import Keyless

_LINES = 400_000
_OUT = f"COPY (SELECT n, md5(n::text) FROM generate_series(1, {_LINES}) AS n) TO STDOUT"


def _lines() -> Iterator[bytes]:
    for n in range(1, _LINES + 1):
        yield b"%d\t%s\n" % (n, hashlib.md5(b"%d" % n).hexdigest().encode())


def _chunks() -> Iterator[bytes]:
    lines = _lines()
    while chunk := b"".join(islice(lines, 2_000)):
        yield chunk


def _expected() -> tuple[str, int]:
    whole = b"".join(_lines())
    return hashlib.sha256(whole).hexdigest(), len(whole)


@pytest.mark.parametrize("sslmode", ["disable", "require"])
def test_out(keyless: Keyless, sslmode: str) -> None:
    digest, size = hashlib.sha256(), 0
    audit = keyless.audit()
    with keyless.connect("pg18", sslmode=sslmode) as connection:
        with connection.cursor().copy(_OUT) as copy:
            for chunk in copy:
                digest.update(chunk)
                size += len(chunk)
        assert (digest.hexdigest(), size) == _expected()
    event = audit.one("postgres.query", statement=_OUT)
    assert (event["rows"], event["copied_bytes"]) == (_LINES, size)
    end = audit.one("session.end", session=event["session"])
    assert end["bytes_from_upstream"] > size


@pytest.mark.parametrize("sslmode", ["disable", "require"])
def test_in(keyless: Keyless, sslmode: str) -> None:
    audit = keyless.audit()
    with keyless.connect("pg18", sslmode=sslmode) as connection:
        connection.execute("CREATE TEMP TABLE t (n int, digest text)")
        with connection.cursor().copy("COPY t FROM STDIN") as copy:
            for chunk in _chunks():
                copy.write(chunk)
        asked = "SELECT count(*), bool_and(digest = md5(n::text)), sum(n) FROM t"
        total = _LINES * (_LINES + 1) // 2
        assert connection.execute(asked).fetchone() == (_LINES, True, total)
    event = audit.one("postgres.query", statement="COPY t FROM STDIN")
    assert (event["rows"], event["copied_bytes"]) == (_LINES, _expected()[1])


def test_a_failed_copy_in_leaves_the_session_in_order(keyless: Keyless) -> None:
    audit = keyless.audit()
    with keyless.connect("pg18") as connection:
        connection.execute("CREATE TEMP TABLE t (n int)")
        with (
            pytest.raises(psycopg.errors.InvalidTextRepresentation),
            connection.cursor().copy("COPY t FROM STDIN") as copy,
        ):
            copy.write(b"1\nno number\n" + b"2\n" * 500_000)
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
    assert audit.one("postgres.query", statement="COPY t FROM STDIN")["sqlstate"] == "22P02"


def _give_up_in_the_middle(connection: psycopg.Connection[Any]) -> None:
    with connection.cursor().copy("COPY t FROM STDIN") as copy:
        copy.write(b"1\n")
        raise ZeroDivisionError  # psycopg then sends CopyFail


def test_a_copy_in_given_up_by_the_client(keyless: Keyless) -> None:
    with keyless.connect("pg18") as connection:
        connection.execute("CREATE TEMP TABLE t (n int)")
        with pytest.raises(ZeroDivisionError):
            _give_up_in_the_middle(connection)
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
