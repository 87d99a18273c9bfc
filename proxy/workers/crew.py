"""All workers: as many as the file says, from their beginning to an orderly end."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from proxy.certificates import self_signed
from proxy.config import Config
from proxy.workers.briefing import Briefing
from proxy.workers.channel import Topic
from proxy.workers.hand import Ask, Hand
from proxy.workers.page import Page

_FIRST_PAUSE = 0.1  # seconds before a worker that died is started again; doubles each time
_LONGEST_PAUSE = 10.0
_LIVED_LONG = 60.0  # seconds, after which a death has nothing to do with the one before
_LAST_SECONDS = 15.0  # for workers to end, beyond the times that the file gives to what they do
_log = logging.getLogger("keyless.workers")


class WorkerFailed(Exception):
    """A worker could not begin; the text says why."""


class Crew:
    """`ask` answers the workers' questions, and `helped` is called when another one is at work."""

    def __init__(self, config: Config, ask: Ask, helped: Callable[[], None]) -> None:
        self._config = config
        self._ask = ask
        self._helped = helped
        self._page = Page()
        self._identity = self_signed()
        self._hands: dict[int, Hand] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._turns = 0

    async def start(self) -> None:
        """All of them. Raises WorkerFailed, and leaves none behind then."""
        try:
            for number in range(self._config.workers):
                self._begin(number)
            said = await asyncio.gather(*(hand.begun for hand in self._hands.values()))
            if why := next(filter(None, said), None):
                raise WorkerFailed(why)
        except OSError as error:
            await self.stop()
            raise WorkerFailed(f"a worker cannot be started: {error.strerror}") from None
        except BaseException:
            await self.stop()
            raise
        self._keepers = [asyncio.create_task(self._keep(number)) for number in self._hands]

    def at_work(self) -> Sequence[Hand]:
        return [hand for hand in self._hands.values() if hand.at_work]

    def least(self) -> Hand | None:
        """The one with the fewest connections; of several, another one each time."""
        hands = self.at_work()
        self._turns += 1
        return min(
            hands,
            key=lambda hand: (hand.load, (hand.number - self._turns) % self._config.workers),
            default=None,
        )

    async def stop(self) -> bool:
        """Have all end what they do, as the file's times say. Returns whether all did."""
        for keeper in self._keepers:
            keeper.cancel()
        for hand in self._hands.values():
            hand.channel.tell(Topic.STOP)
        well = await asyncio.gather(*map(self._end, self._hands.values()))
        self._page.close()
        return all(well)

    async def _end(self, hand: Hand) -> bool:
        timeouts = self._config.timeouts
        try:
            async with asyncio.timeout(timeouts.shutdown + timeouts.secret + _LAST_SECONDS):
                how = await hand.over()
        except TimeoutError:
            how = await hand.kill()
        hand.channel.close()
        if how:
            _log.error("%s %s", hand, how)
        return not how

    def _begin(self, number: int) -> None:
        config = self._config
        briefing = Briefing(number, config.path, config.text, self._identity)
        self._hands[number] = Hand(briefing, self._page, self._ask)

    async def _keep(self, number: int) -> None:
        """There is always one of this number, though not without a pause."""
        pause = _FIRST_PAUSE
        while True:
            if hand := self._hands.get(number):
                begun = time.monotonic()
                await self._see_out(hand)
                pause = _FIRST_PAUSE if time.monotonic() - begun > _LIVED_LONG else pause
            _log.info("worker %d begins again in %g s", number + 1, pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            await self._replace(number)

    async def _see_out(self, hand: Hand) -> None:
        """Wait for its end, which nobody asked for, and tell of it."""
        how = await hand.over() or "ended by itself"
        lost = hand.load
        del self._hands[hand.number]
        self._page.clear(hand.number)
        _log.error("%s %s; %d connections are closed", hand, how, lost)

    async def _replace(self, number: int) -> None:
        try:
            self._begin(number)
        except OSError as error:
            _log.error("worker %d cannot be started: %s", number + 1, error.strerror)
            return
        hand = self._hands[number]
        if why := await hand.begun:
            _log.error("%s: %s", hand, why)
        else:
            _log.info("%s is at work", hand)
            self._helped()
