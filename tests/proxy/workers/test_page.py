"""The page that workers share: by real processes at once, and by one that is killed in between."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest

from proxy.audit.chain import BEGINNING
from proxy.workers.page import Page, SharedEnd, SharedPlaces

_LIMIT = 500
_TAKE_AND_LEAVE = f"""
import sys
from proxy.workers.page import Page, SharedPlaces
places = SharedPlaces({_LIMIT}, Page(int(sys.argv[1])), int(sys.argv[2]))
sys.stdin.read(1)
for _ in range(2000):
    if places.take():
        places.leave()
print(sum(places.take() for _ in range({_LIMIT})))
"""
_HOLD_THE_AUDIT = """
import sys, time
from proxy.workers.page import Page, SharedEnd
end = SharedEnd(Page(int(sys.argv[1])))
with end.held():
    end.digest = "f" * 64
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def page() -> Iterator[Page]:
    page = Page()
    yield page
    page.close()


def _process(page: Page, program: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", program, str(page.descriptor), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        pass_fds=[page.descriptor],
    )


def _fail(end: SharedEnd) -> None:
    """As where the disk is full."""
    with suppress(OSError), end.held():
        end.digest = "a" * 64
        raise OSError


def test_no_place_is_taken_twice_by_processes_that_race(page: Page) -> None:
    racing = [_process(page, _TAKE_AND_LEAVE, str(number)) for number in range(3)]
    for one in racing:
        assert one.stdin is not None
        one.stdin.write("!")
        one.stdin.flush()
    taken = [int(one.communicate(timeout=60)[0]) for one in racing]
    assert sum(taken) == _LIMIT
    assert not SharedPlaces(_LIMIT, page, 3).take()


def test_the_places_of_one_that_is_no_more_are_free(page: Page) -> None:
    dead, alive = SharedPlaces(3, page, 0), SharedPlaces(3, page, 1)
    assert [dead.take(), dead.take(), alive.take(), alive.take()] == [True, True, True, False]
    page.clear(0)
    assert [alive.take(), alive.take(), alive.take()] == [True, True, False]
    assert (dead.taken, alive.taken) == (2, 3)


def test_what_is_over_is_counted_by_worker(page: Page) -> None:
    page.one_is_over(1)
    page.one_is_over(1)
    page.one_is_over(2)
    assert [page.over(number) for number in range(4)] == [0, 2, 1, 0]
    page.clear(1)
    assert [page.over(number) for number in range(4)] == [0, 0, 1, 0]


def test_the_chain_goes_on_where_another_left_it(page: Page) -> None:
    one, other = SharedEnd(page), SharedEnd(Page(os.dup(page.descriptor)))
    with one.held():
        assert (one.digest, one.torn) == (BEGINNING, False)
        one.digest = "a" * 64
    with other.held():
        assert (other.digest, other.torn) == ("a" * 64, False)


def test_what_fails_leaves_the_chain_as_it_was(page: Page) -> None:
    end = SharedEnd(page)
    _fail(end)
    with end.held():
        assert (end.digest, end.torn) == (BEGINNING, False)


def test_one_that_is_killed_while_it_writes_holds_nobody_up(page: Page) -> None:
    """And the next one knows of it, until it has written itself."""
    process, end = _process(page, _HOLD_THE_AUDIT), SharedEnd(page)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    _fail(end)
    with end.held():
        assert (end.digest, end.torn) == (BEGINNING, True)
    with end.held():
        assert not end.torn
