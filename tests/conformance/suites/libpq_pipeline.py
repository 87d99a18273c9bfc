"""PostgreSQL's tests of libpq's pipeline mode, message by message.

Beside what each test checks itself, libpq's trace of a session's messages must be the one that
comes with the test: the kinds, lengths and order of all that the server sent.
"""

from collections.abc import Iterator
from pathlib import Path

from tests.conformance import postgres_source, programs
from tests.conformance.suite import PASSED, Outcome, Results, Status, Suite
from tests.conformance.target import Target


class LibpqPipeline(Suite):
    """What its Perl script does, against a server that runs."""

    name = "libpq-pipeline"
    about = "libpq's own tests of pipelines, and its traces of them"
    seconds = 60  # for each of its tests

    def prepare(self, cache: Path) -> str:
        source = postgres_source.built(self.server, cache.with_name("postgresql"))
        self._folder = source / "src/test/modules/libpq_pipeline"
        return postgres_source.debian_version(self.server)

    def run(self, target: Target, folder: Path) -> Results:
        tests = programs.fetch([self._folder / "libpq_pipeline", "tests"], folder).split()
        return dict(outcome for test in tests for outcome in self._one(test, target, folder))

    def _one(self, test: str, target: Target, folder: Path) -> Iterator[tuple[str, Outcome]]:
        log, trace = folder / f"{test}.log", folder / f"{test}.trace"
        code = programs.run(
            [self._folder / "libpq_pipeline", "-r", "700", "-t", trace, test],
            folder=folder,
            environment=programs.environment(target.libpq()),
            seconds=self.seconds,
            log=log,
        )
        why = f"exit code {code}: {' '.join(log.read_text().split())[-200:]}"
        yield test, PASSED if code == 0 else Outcome(Status.FAILED, why)
        expected = self._folder / "traces" / trace.name
        if expected.exists():
            same = trace.exists() and trace.read_text() == expected.read_text()
            yield f"{test}, its trace", PASSED if same else Outcome(Status.FAILED, "it differs")


SUITE = LibpqPipeline()
