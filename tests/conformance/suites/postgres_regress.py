"""PostgreSQL's regression tests, on the schedule that runs up to twenty of them at once.

All of its SQL, as psql sends it: COPY in both directions, large objects, large results, cursors,
notices, every type and command, and some sessions that end in mid-statement.
"""

from pathlib import Path

from tests.conformance import pg_regress, postgres_source
from tests.conformance.suite import Results, Suite
from tests.conformance.target import Target


class PostgresRegress(Suite):
    """`make installcheck-parallel`, with Debian's psql."""

    name = "postgres-regress"
    about = "the server's own regression tests, in parallel"
    seconds = 1200

    def prepare(self, cache: Path) -> str:
        self._source = postgres_source.built(self.server, cache.with_name("postgresql"))
        return postgres_source.debian_version(self.server)

    def run(self, target: Target, folder: Path) -> Results:
        program = self._source / "src/test/regress/pg_regress"
        return pg_regress.run(
            *(program, "parallel_schedule", target, folder),
            version=self.server,
            seconds=self.seconds,
        )


SUITE = PostgresRegress()
