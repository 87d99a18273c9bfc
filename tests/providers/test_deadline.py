"""Time is bounded as a whole."""

import threading
import time

import pytest

from providers.deadline import Deadline, within


def test_what_is_left_shrinks_to_zero() -> None:
    deadline = Deadline(0.05)
    assert 0 < deadline.left <= 0.05
    time.sleep(0.06)
    assert deadline.left == 0


def test_a_pause_is_made_only_where_something_can_follow_it() -> None:
    deadline = Deadline(0.2)
    assert deadline.pause(0.01)
    started = time.monotonic()
    assert not deadline.pause(0.5)
    assert time.monotonic() - started < 0.1


def test_work_in_time_gives_its_result_or_its_error() -> None:
    assert within(5, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 / 0)


def test_work_that_takes_too_long_is_left_behind() -> None:
    over = threading.Event()
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        within(0.1, lambda: over.wait(10))
    assert time.monotonic() - started < 1
    over.set()
