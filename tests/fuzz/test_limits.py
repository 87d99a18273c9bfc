"""What takes too long or too much is told, and what is only busy is not."""

import re
import time
from itertools import count

import pytest

from tests.fuzz import limits
from tests.fuzz.limits import ending, in_time, largest, slowed, weigh
from tests.fuzz.target import Breach


def _work(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def test_what_is_slow_every_time_is_a_breach() -> None:
    with pytest.raises(Breach, match=r"took 0\.0\d\d s, more than 0\.010"):
        in_time(lambda: _work(0.03), 0.01)


def test_what_is_slow_once_is_done_again() -> None:
    tries = count()

    def work() -> int:
        number = next(tries)
        _work(0.03 if number == 0 else 0.0)
        return number

    assert in_time(work, 0.01) == 1


def test_where_all_is_slowed_more_time_is_given() -> None:
    with slowed(10.0):
        in_time(lambda: _work(0.03), 0.01)


def test_others_may_have_the_time() -> None:
    in_time(lambda: time.sleep(0.05), 0.01)


def test_a_search_without_an_end_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_ENDLESS", 0.1)
    with pytest.raises(Breach, match=r"did not end within 0\.1 s"), ending():
        re.search(r"(a|aa)+$", "a" * 60 + "b")


def test_everything_that_is_kept_has_a_weight() -> None:
    kept = {"text": ["x" * 10_000, b"y" * 20_000], "more": {"z" * 30_000: None}}
    assert 60_000 < weigh(kept) < 61_000
    assert weigh([kept, kept]) < 61_000
    assert weigh(lambda: kept) == 0


def test_the_largest_collection_counts() -> None:
    assert largest({"a": [None] * 30, "b": dict.fromkeys(range(40), "text" * 100)}) == 40
    assert largest("text") == 0
