"""Medians, and ratios that are of the same round."""

import json
from types import MappingProxyType

import pytest

from bench.findings import Finding, Result, Sample, cases


def finding(
    peer: str, *speeds: float, case: str = "case", more: Sample = MappingProxyType({})
) -> Finding:
    samples: list[Sample] = [{"speed": speed, **more} for speed in speeds]
    return Finding("work", case, peer, "tps", samples, [])


def result(*findings: Finding) -> Result:
    return Result({"cores": "2"}, {"keyless": "1"}, {"rounds": "3"}, ["a peer"], findings)


def test_only_samples_of_one_round_are_compared() -> None:
    direct = finding("direct", 100.0, 10.0, 40.0)  # of a machine that is slow in between
    other = finding("other", 50.0, 9.0, 20.0)
    assert (direct.median("speed"), other.median("speed")) == (40.0, 20.0)
    assert other.ratio(direct, "speed") == 0.5
    assert direct.spread == pytest.approx(45 / 40)


def test_a_ratio_may_be_of_what_is_over_a_third() -> None:
    direct, peer = finding("direct", 1.0, 1.0), finding("peer", 3.0, 2.0)
    ours = finding("keyless", 2.0, 4.0)
    assert ours.ratio(peer, "speed", direct) == pytest.approx((1 / 2 + 3 / 1) / 2)


def test_what_was_not_measured_has_no_ratio() -> None:
    direct, ours = finding("direct", 1.0), finding("keyless", 2.0)
    nothing = finding("nothing", 0.0)
    assert ours.ratio(direct, "p50 ms") is None
    assert ours.ratio(nothing, "speed") is None
    assert ours.median("p50 ms") is None
    assert nothing.spread == 0.0


def test_a_result_is_read_as_it_was_told() -> None:
    told = result(finding("direct", 4.0, 2.0), finding("keyless", 2.0, 2.0))
    text = json.dumps(told.told())
    assert Result.read(json.loads(text)) == Result(
        told.machine, told.programs, told.run, told.left_out, list(told.findings)
    )
    keyless = json.loads(text)["findings"][1]
    assert keyless["of"] == {"direct": 0.75, "keyless": 1.0}
    assert keyless["medians"] == {"speed": 2.0}


def test_findings_are_grouped_by_case() -> None:
    one, other = finding("direct", 1.0), finding("direct", 1.0, case="other")
    ours = finding("keyless", 1.0)
    assert cases([one, other, ours]) == {("work", "case"): [one, ours], ("work", "other"): [other]}
