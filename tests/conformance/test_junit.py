"""Results are read as runners of tests write them."""

from pathlib import Path

from tests.conformance import junit
from tests.conformance.suite import PASSED, Outcome, Status

_RESULTS = """\
<testsuites><testsuite name="pytest">
  <testcase classname="tests.a" name="passes"><system-out>said</system-out></testcase>
  <testcase classname="tests.a" name="fails"><failure message="no\n  way">long</failure></testcase>
  <testcase classname="tests.a" name="breaks"><error>in Java  without a message</error></testcase>
  <testcase classname="tests.b" name="passes"><skipped message="not here"/></testcase>
</testsuite></testsuites>
"""


def test_every_test_has_its_outcome(tmp_path: Path) -> None:
    file = tmp_path / "results.xml"
    file.write_text(_RESULTS)
    assert junit.read(file) == {
        "tests.a::passes": PASSED,
        "tests.a::fails": Outcome(Status.FAILED, "no way"),
        "tests.a::breaks": Outcome(Status.FAILED, "in Java without a message"),
        "tests.b::passes": Outcome(Status.SKIPPED, "not here"),
    }
