"""Logs a spare in: a session's login to upstream, without the session."""

from collections.abc import Callable

from protocols.api import TakeSpare
from protocols.errors import Reason, Refusal
from proxy.config.schema import Timeouts
from proxy.driver import Driver, LoggedIn
from proxy.memory import Memory
from proxy.readiness import Readiness
from proxy.spares.spare import Spare


class Maker:
    """What all spares are made with."""

    def __init__(self, timeouts: Timeouts, memory: Memory, readiness: Readiness) -> None:
        self._timeouts = timeouts
        self._memory = memory
        self._readiness = readiness

    async def make(self, wanted: TakeSpare, ended: Callable[[Spare, str], None]) -> Spare:
        """One that waits already. Raises Refusal."""
        logged_in = await self._log_in(wanted)
        return Spare(logged_in, wanted.farewell, self._readiness, wanted.seconds, ended)

    async def _log_in(self, wanted: TakeSpare) -> LoggedIn:
        driver = Driver(self._timeouts, memory=self._memory)
        try:
            result = await driver.run(wanted.log_in())
            logged_in = driver.hand_over(result)
        except BaseException:
            driver.close()
            raise
        if logged_in.connection.pending:
            logged_in.connection.close(wanted.farewell)
            sentence = f'upstream of role "{wanted.role}" says more than it is asked'
            raise Refusal(Reason.UPSTREAM_BROKEN, sentence)
        return logged_in
