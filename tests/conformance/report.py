"""The findings as a table for people, and as JSON for programs and for a later run's table."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from pydantic import TypeAdapter

from tests.conformance.compare import Difference
from tests.conformance.runner import Finding
from tests.conformance.suite import Outcome

_FINDINGS = TypeAdapter(list[Finding])
_NAMED = 5  # tests named for each explanation; JSON has all
_INTRODUCTION = """\
# Conformance

Suites that others wrote, each run twice by `python -m tests.conformance`: directly against a new
server as its administrator, and through `keyless serve` against another new one without a password.
A test that ends otherwise through Keyless is a difference, and has a reason or is a bug. Where one
has no reason the suite runs again, and what does not differ again is told as such: some tests
measure time, and fail on a busy machine.

"""
_HEAD = """\
| suite | what it is | server | tests | pass directly | pass through Keyless | differ, explained | \
differ, unexplained | differ once | statements audited |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""


def markdown(findings: Sequence[Finding]) -> str:
    return _INTRODUCTION + table(findings) + "".join(map(_section, findings))


def table(findings: Iterable[Finding]) -> str:
    return _HEAD + "".join(map(_row, findings))


def as_json(findings: list[Finding]) -> bytes:
    return _FINDINGS.dump_json(findings, indent=1) + b"\n"


def from_json(text: bytes) -> list[Finding]:
    return _FINDINGS.validate_json(text)


def one_line(difference: Difference) -> str:
    """One line on a difference."""
    direct, through = _outcome(difference.direct), _outcome(difference.through)
    return f"{difference.test}: directly {direct}, through Keyless {through}"


def _row(found: Finding) -> str:
    unexplained = len(found.unexplained)
    cells: list[str | int] = [f"{found.suite} {found.version}", found.about, found.server]
    cells += [found.tests, found.passed_direct, found.passed_through]
    cells += [len(found.differences) - unexplained, unexplained, len(found.once), found.statements]
    return f"| {' | '.join(map(str, cells))} |\n"


def _section(found: Finding) -> str:
    lines = [f"Keyless: {fault}" for fault in found.faults]
    lines += [f"Unexplained: {one_line(difference)}" for difference in found.unexplained]
    lines += [f"In one of two rounds only: {one_line(difference)}" for difference in found.once]
    lines += [f"{why} {_names(tests)}" for why, tests in _explained(found).items()]
    listed = "".join(f"- {line}\n" for line in lines)
    return f"\n## {found.suite}\n\n{listed}" if listed else ""


def _explained(found: Finding) -> dict[str, list[str]]:
    by_reason: dict[str, list[str]] = defaultdict(list)
    for difference in found.differences:
        if difference.why is not None:
            by_reason[difference.why].append(difference.test)
    return by_reason


def _names(tests: Sequence[str]) -> str:
    more = f" and {len(tests) - _NAMED} more" if len(tests) > _NAMED else ""
    return ", ".join(f"`{test}`" for test in tests[:_NAMED]) + more


def _outcome(outcome: Outcome | None) -> str:
    if outcome is None:
        return "not run"
    return outcome.status.value + (f" ({outcome.reason})" if outcome.reason else "")
