"""PostgreSQL's isolation tests: several sessions at once whose steps wait for one another.

Each step is sent without waiting for its answer, a step that hangs is cancelled, and locks,
notifications and errors arrive in sessions that ask for nothing.
"""

from pathlib import Path

from tests.conformance import pg_regress, postgres_source
from tests.conformance.suite import Results, Suite
from tests.conformance.target import Target


class PostgresIsolation(Suite):
    """`make installcheck` in src/test/isolation, with Debian's libpq."""

    name = "postgres-isolation"
    about = "the server's own tests of sessions that wait for one another"
    seconds = 1200

    def prepare(self, cache: Path) -> str:
        self._source = postgres_source.built(self.server, cache.with_name("postgresql"))
        return postgres_source.debian_version(self.server)

    def run(self, target: Target, folder: Path) -> Results:
        program = self._source / "src/test/isolation/pg_isolation_regress"
        return pg_regress.run(
            *(program, "isolation_schedule", target, folder),
            version=self.server,
            seconds=self.seconds,
        )


SUITE = PostgresIsolation()
