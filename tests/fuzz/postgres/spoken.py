"""Random sessions for a real server: well-formed messages, of which any may follow any other.

Every statement says its number, so that no two of a session are alike.
"""

from itertools import count
from random import Random
from struct import pack

from tests.protocols.postgres.queries import (
    COPY_DONE,
    FLUSH,
    SYNC,
    bind,
    close,
    copy_data,
    copy_fail,
    describe,
    execute,
    extended,
    parse,
)
from tests.wire import message, query

SET_UP = query("CREATE TEMP TABLE t (a int)")
_STATEMENTS = (
    "SELECT {n}",
    "SELECT g, {n} FROM generate_series(1, 3) g",
    "SELECT 1 / (2 - g), {n} FROM generate_series(1, 3) g",
    "SELEC {n}",
    "SELECT * FROM missing{n}",
    "INSERT INTO t VALUES ({n})",
    "INSERT INTO t SELECT {n} FROM generate_series(1, 4) RETURNING a",
    "UPDATE t SET a = a + 1 WHERE a = {n}",
    "DELETE FROM t WHERE a < {n} RETURNING a",
    "COPY t FROM STDIN /* {n} */",
    "COPY t TO STDOUT /* {n} */",
    "COPY (SELECT 1 / (2 - g) + {n} FROM generate_series(1, 3) g) TO STDOUT",
    "BEGIN /* {n} */",
    "COMMIT /* {n} */",
    "ROLLBACK /* {n} */",
    "SAVEPOINT a /* {n} */",
    "ROLLBACK TO a /* {n} */",
    "DECLARE sql_c CURSOR FOR SELECT {n} FROM generate_series(1, 3)",
    "FETCH 2 FROM sql_c /* {n} */",
    "PREPARE sql_s AS SELECT {n}",
    "EXECUTE sql_s /* {n} */",
    "DO $$ BEGIN RAISE NOTICE '{n}'; END $$",
    "SHOW work_mem /* {n} */",
)
_QUERIES = ("{}; {}", "{};", "{}; {}; {}", "", " ;; ")
_NAMES = (b"", b"", b"s", b"s2", b"c")
_CALL = message(b"F", pack(">ihhhiiiih", 177, 1, 1, 2, 4, 1, 4, 2, 1))


class Speaker:
    """Says the same of the same `random`."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._numbers = count(1)

    def batch(self, marker: str) -> bytes:
        """Some messages, and what the server answers with `marker` whatever state they left it in:
        taking copy data, passing over all up to a Sync, or in a transaction that has failed."""
        said = b"".join(self._message() for _ in range(self._random.randint(1, 14)))
        return said + (COPY_DONE + SYNC) * 3 + query("ROLLBACK") + query(f"SELECT '{marker}'")

    def _message(self) -> bytes:
        name, other = self._random.choices(_NAMES, k=2)
        kind = self._random.choice((b"S", b"P"))
        limit = self._random.choice((0, 0, 1, 2, 3))
        data = self._random.choice((b"1\n", b"2\n3\n", b"bad\n", b"\\.\n"))
        often = (parse(self._sql(), name), bind(name, other), execute(name, limit), SYNC)
        seldom = (query(self._query()), describe(kind, name), close(kind, name), copy_data(data))
        rare = (FLUSH, COPY_DONE, copy_fail(), _CALL, self._suspended(), extended(self._sql()))
        weights = [4] * len(often) + [2] * len(seldom) + [1] * len(rare)
        return self._random.choices((*often, *seldom, *rare), weights)[0]

    def _suspended(self) -> bytes:
        begun = parse(self._sql(), b"s") + bind(b"s", b"s") + execute(b"s", 1)
        return begun + execute(b"s", self._random.choice((0, 1)))

    def _query(self) -> str:
        if self._random.random() < 0.5:
            return self._sql()
        return self._random.choice(_QUERIES).format(*(self._sql() for _ in range(3)))

    def _sql(self) -> str:
        return self._random.choice(_STATEMENTS).format(n=next(self._numbers))
