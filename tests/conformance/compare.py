"""Two runs of one suite, compared test by test."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.conformance.explained import Explanation, explain
from tests.conformance.suite import Outcome, Results, Status


@dataclass(frozen=True, slots=True)
class Difference:
    """A test that ended otherwise through the proxy; an outcome of None: it did not run."""

    test: str
    direct: Outcome | None
    through: Outcome | None
    why: str | None  # None: nobody has explained it


def differences(
    direct: Results, through: Results, explanations: Iterable[Explanation]
) -> list[Difference]:
    known = tuple(explanations)
    return [
        Difference(test, direct.get(test), through.get(test), explain(test, known))
        for test in sorted(direct.keys() | through.keys())
        if _status(direct.get(test)) != _status(through.get(test))
    ]


def in_both(
    first: Sequence[Difference], second: Sequence[Difference]
) -> tuple[list[Difference], list[Difference]]:
    """What of a second round's differences has a reason or was there in the first round too, and
    what differed without a reason in one round only."""
    before, after = ({difference.test for difference in found} for found in (first, second))
    steady = [one for one in second if one.why is not None or one.test in before]
    once = [one for one in first if one.why is None and one.test not in after]
    return steady, once + [one for one in second if one not in steady]


def passed(results: Results) -> int:
    return sum(outcome.status is Status.PASSED for outcome in results.values())


def unused(found: Iterable[Difference], explanations: Iterable[Explanation]) -> Iterator[str]:
    """The patterns of explanations that explain nothing: they are to be taken out."""
    tests = [difference.test for difference in found]
    for known in explanations:
        if not any(map(known.covers, tests)):
            yield known.pattern


def _status(outcome: Outcome | None) -> Status | None:
    return outcome.status if outcome else None
