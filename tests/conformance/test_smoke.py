"""The runner itself: it runs a suite, and a test that ends otherwise through Keyless is found."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
from click.testing import CliRunner
from psycopg.conninfo import make_conninfo

from tests.conformance.__main__ import main
from tests.conformance.explained import Explanation
from tests.conformance.report import as_json, markdown
from tests.conformance.runner import Finding, Runner
from tests.conformance.suite import PASSED, Outcome, Results, Status, Suite
from tests.conformance.suites.pgbench import Pgbench
from tests.conformance.target import Target


class _WhoAmI(Suite):
    """Logs in by several names, which the proxy replaces."""

    name = "who-am-i"
    about = "logs in by several names"
    server = "18"
    explained = (
        Explanation("as [else*", "Never needed."),
        Explanation("as [some*", "Keyless logs in as the role's account."),
    )

    def prepare(self, cache: Path) -> str:
        return "1"

    def run(self, target: Target, folder: Path) -> Results:
        return dict(self._outcomes(target))

    def _outcomes(self, target: Target) -> Iterator[tuple[str, Outcome]]:
        with psycopg.connect(_conninfo(target), user=target.user) as connection:
            connection.execute("CREATE ROLE somebody LOGIN; CREATE ROLE nobody LOGIN")
        for test, user in (
            ("as itself", target.user),
            ("as [somebody]", "somebody"),
            ("as nobody", "nobody"),
        ):
            with psycopg.connect(_conninfo(target), user=user) as connection:
                found = connection.execute("SELECT current_user").fetchone()
            same = found == (user,)
            yield test, PASSED if same else Outcome(Status.FAILED, "it is somebody else")


def _conninfo(target: Target) -> str:
    return make_conninfo(
        host=target.host, port=target.port, dbname=target.database, passfile=str(target.passwords)
    )


def _run(suite: Suite, tmp_path: Path, artefacts: Path) -> Finding:
    said: list[str] = []
    runner = Runner(tmp_path, artefacts / "conformance", said.append)
    finding = runner.round(suite, suite.prepare(tmp_path))
    assert f"{suite.name}: through, {finding.server}" in said
    return finding


def test_a_small_pgbench_passes_directly_and_through(tmp_path: Path, artefacts: Path) -> None:
    finding = _run(Pgbench(clients=2, transactions=5), tmp_path, artefacts)
    assert finding.good
    assert finding.tests == finding.passed_direct == finding.passed_through == 14
    assert finding.statements > 500


def test_what_differs_is_found_and_told(tmp_path: Path, artefacts: Path) -> None:
    finding = _run(_WhoAmI(), tmp_path, artefacts)
    assert not finding.good
    assert (finding.tests, finding.passed_direct, finding.passed_through) == (3, 3, 1)
    assert finding.unused == ("as [else*",)
    explained, _ = json.loads(as_json([finding]))[0]["differences"]
    assert explained == {
        "test": "as [somebody]",
        "direct": {"status": "passed", "reason": ""},
        "through": {"status": "failed", "reason": "it is somebody else"},
        "why": "Keyless logs in as the role's account.",
    }
    table, section = markdown([finding]).split("\n## who-am-i\n")
    assert "| who-am-i 1 | logs in by several names | PostgreSQL 18." in table
    assert "| 3 | 3 | 1 | 1 | 1 | 0 | " in table
    assert section == (
        "\n- Unexplained: as nobody: directly passed, through Keyless failed (it is somebody else)"
        "\n- Keyless logs in as the role's account. `as [somebody]`\n"
    )


def test_every_suite_is_found() -> None:
    told = CliRunner().invoke(main, ["--list"]).output
    assert {"asyncpg", "pgbench", "postgres-regress"} <= {
        line.partition(":")[0] for line in told.splitlines()
    }
