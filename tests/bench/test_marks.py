"""What counts as reaching a mark, and what the check says and exits with."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.check import main
from bench.findings import Finding, Result
from bench.marks import Mark, judged, read
from bench.registry import WORKS
from tests.bench.test_findings import finding, result

_BOTH = result(finding("direct", 100.0), finding("keyless", 90.0), finding("pgbouncer", 80.0))


def _judged(told: Result, **mark: object) -> list[tuple[str, float, bool]]:
    verdicts = judged([Mark(**{"work": "work", "peer": "keyless", **mark})], told)  # type: ignore[arg-type]
    return [(verdict.what, verdict.value, verdict.fell(0.05)) for verdict in verdicts]


@pytest.mark.parametrize(
    ("mark", "value", "fell"),
    [
        ({"of": "direct", "at_least": 0.9}, 0.9, False),
        ({"of": "direct", "at_least": 0.94}, 0.9, False),  # within the margin
        ({"of": "direct", "at_least": 0.95}, 0.9, True),
        ({"of": "pgbouncer", "at_most": 1.1}, 1.125, False),
        ({"of": "pgbouncer", "at_most": 1.0}, 1.125, True),
        ({"at_least": 90}, 90.0, False),
        ({"over": "pgbouncer", "at_most": 10}, 10.0, False),
        ({"over": "pgbouncer", "at_most": 9}, 10.0, True),
        ({"of": "direct", "over": "pgbouncer", "at_least": 0.5}, 0.5, False),
    ],
)
def test_a_mark_is_reached_but_for_noise(mark: dict[str, object], value: float, fell: bool) -> None:
    ((_, found, below),) = _judged(_BOTH, **mark)
    assert found == pytest.approx(value)
    assert below == fell


def test_a_mark_may_be_of_another_case() -> None:
    told = result(finding("keyless", 4.0, case="few"), finding("keyless", 3.0, case="many"))
    mark = {"case": "many", "of": "keyless", "of_case": "few", "at_least": 1.0}
    assert _judged(told, **mark) == [("work, many: keyless, speed of keyless's in few", 0.75, True)]


def test_what_was_not_measured_is_not_judged() -> None:
    assert _judged(_BOTH, of="haproxy", at_least=1.0) == []
    assert _judged(_BOTH, over="haproxy", at_least=1.0) == []
    assert _judged(_BOTH, figure="p50 ms", at_least=1.0) == []
    assert _judged(_BOTH, work="other", at_least=1.0) == []


def test_our_marks_are_of_works_that_there_are() -> None:
    for mark in read():
        of_work = Mark(work=mark.work, peer="*")
        assert any(of_work.names(Finding(work, "", "", "", [])) for work in WORKS), mark
        assert (mark.at_least is None) != (mark.at_most is None), mark


def _check(folder: Path, told: Result, *options: str) -> tuple[int, str]:
    file = folder / "bench.json"
    file.write_text(json.dumps(told.told()))
    done = CliRunner().invoke(main, [str(file), *options])
    return done.exit_code, done.output


@pytest.mark.parametrize(("speed", "code", "word"), [(0.99, 0, "ok"), (0.8, 1, "FELL")])
def test_the_check_says_what_is_below_its_mark(
    tmp_path: Path, speed: float, code: int, word: str
) -> None:
    queries = [
        Finding("queries", "simple, 8 clients", peer, "tps", [{"speed": told}])
        for peer, told in (("pgbouncer", 1.0), ("keyless", speed))
    ]
    exit_code, told = _check(tmp_path, result(*queries))
    assert exit_code == code
    what = "queries, simple, 8 clients: keyless, speed of pgbouncer's"
    assert f"| {what} | {speed:.2f} | at least 1 | {word} |" in told
    assert f"1 judged, {code} fell by more than 5%" in told


@pytest.mark.parametrize(("speed", "cpu", "fallen"), [(96.0, 1.04, 0), (90.0, 1.0, 1), (99, 2, 1)])
def test_the_check_says_what_fell_since_another_result(
    tmp_path: Path, speed: float, cpu: float, fallen: int
) -> None:
    base = finding("haproxy", 50.0, more={"cpu us": 1.0})  # a machine of half the speed
    before = result(finding("haproxy", 100.0, more={"cpu us": 1.0}), _keyless(100.0, 1.0))
    file = tmp_path / "before.json"
    file.write_text(json.dumps(before.told()))
    now = result(base, _keyless(speed / 2, cpu))
    exit_code, told = _check(tmp_path, now, "--against", str(file))
    assert exit_code == bool(fallen)
    assert f"2 judged, {fallen} fell by more than 5%" in told


def _keyless(speed: float, cpu: float) -> Finding:
    return finding("keyless", speed, more={"cpu us": cpu})
