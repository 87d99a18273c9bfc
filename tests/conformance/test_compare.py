"""Two runs are compared test by test, and a test that did not run is a difference too."""

from tests.conformance.compare import Difference, differences, in_both, passed
from tests.conformance.explained import Explanation
from tests.conformance.suite import PASSED, Outcome, Status

_FAILED = Outcome(Status.FAILED, "why")
_SKIPPED = Outcome(Status.SKIPPED)
_DIRECT = {"same": PASSED, "worse": PASSED, "better": _FAILED, "gone": PASSED, "skips": PASSED}
_THROUGH = {"same": PASSED, "worse": _FAILED, "better": PASSED, "more": PASSED, "skips": _SKIPPED}


def test_every_kind_of_difference_is_found() -> None:
    found = {one.test: (one.direct, one.through) for one in differences(_DIRECT, _THROUGH, ())}
    assert found == {
        "better": (_FAILED, PASSED),
        "gone": (PASSED, None),
        "more": (None, PASSED),
        "skips": (PASSED, _SKIPPED),
        "worse": (PASSED, _FAILED),
    }


def test_the_same_outcome_for_another_reason_is_no_difference() -> None:
    assert differences({"it": _FAILED}, {"it": Outcome(Status.FAILED, "port 5")}, ()) == []


def test_the_first_explanation_counts() -> None:
    known = Explanation("w*", "It is worse."), Explanation("*", "Whatever.")
    assert {one.test: one.why for one in differences(_DIRECT, _THROUGH, known)} == {
        "better": "Whatever.",
        "gone": "Whatever.",
        "more": "Whatever.",
        "skips": "Whatever.",
        "worse": "It is worse.",
    }


def test_only_what_passed_is_counted() -> None:
    assert passed(_THROUGH) == 3


def test_what_differs_in_one_round_only_is_kept_apart() -> None:
    first = [Difference(test, PASSED, _FAILED, None) for test in ("always", "first")]
    second = [Difference(test, PASSED, _FAILED, None) for test in ("always", "second")]
    known = Difference("known", PASSED, _FAILED, "It is known.")
    steady, once = in_both(first, [*second, known])
    assert [one.test for one in steady] == ["always", "known"]
    assert [one.test for one in once] == ["first", "second"]
