"""OpenSSH's own scripts run, with Keyless between their client and their server or without."""

from pathlib import Path

import pytest

from tests.conformance.runner import Runner
from tests.conformance.suite import Status
from tests.conformance.suites.openssh_regress import OpensshRegress
from tests.end_to_end.programs import find


class _Few(OpensshRegress):
    """A daemon, and a server on a pipe, to which it matters who connects."""

    scripts = ("connect", "proxy-connect")


@pytest.fixture
def few() -> OpensshRegress:
    find("dpkg-query")
    return _Few()


def test_a_few_pass_and_differ_as_explained(
    few: OpensshRegress, tmp_path: Path, artefacts: Path
) -> None:
    runner = Runner(tmp_path, artefacts / "conformance", lambda _: None)
    finding = runner.round(few, few.prepare(tmp_path))
    assert finding.good, finding.unexplained
    assert (finding.tests, finding.passed_direct, finding.passed_through) == (5, 5, 2)
    assert {difference.test for difference in finding.differences} == {
        *("proxy-connect", "proxy-connect: plain username comp=no"),
        "proxy-connect: plain username comp=yes",
    }
    told = next(one.through for one in finding.differences if one.test.endswith("=no"))
    assert told is not None
    assert told.status is Status.FAILED
    assert told.reason.startswith("bad SSH_CONNECTION comp=no: 127.0.0.1 ")
    assert finding.statements == 5
