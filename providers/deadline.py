"""One read's time, shared by everything that happens within it: logins, retries, pauses.

It knows nothing of providers' errors: what it means that time ran out is said where it is caught.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

READER = "provider-read"  # the name of a thread that reads

_Result = TypeVar("_Result")


class Deadline:
    """A moment from which on nothing more may be waited for."""

    __slots__ = ("_end",)

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until the deadline, never less than zero."""
        return max(0.0, self._end - time.monotonic())

    def pause(self, seconds: float) -> bool:
        """Sleep, and say True; or False at once where the deadline would come first."""
        if seconds >= self.left:
            return False
        time.sleep(seconds)
        return True


def within(seconds: float, work: Callable[[], _Result]) -> _Result:
    """`work()`'s result, waited for no longer than `seconds`; then TimeoutError.

    Libraries bound each socket operation and not their sum, and nobody bounds name resolution or a
    credential helper. So the waiting is bounded: late work ends on its own thread, and its result
    is dropped. The thread is a daemon, so that it cannot hold up the program's end.
    """
    outcome: Future[_Result] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, name=READER, daemon=True).start()
    return outcome.result(seconds)
