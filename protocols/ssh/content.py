"""What a channel bears: its type decides what its requests and its data mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from protocols.ssh.context import Context
from protocols.ssh.events import SshForward
from protocols.ssh.messages import ChannelRequest
from protocols.ssh.replies import Ruling
from protocols.ssh.targets import Target


@dataclass(frozen=True, slots=True)
class Changed:
    """What becomes of data that the client sent: `onward` goes on instead, `answers` are data for
    the client, and `swallowed` counts bytes that upstream will never see."""

    onward: bytes
    answers: bytes = b""
    swallowed: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """Data for the client: upstream's, or `ours`, which upstream knows nothing of."""

    data: bytes
    ours: bool


class Content(Protocol):
    """Answers None for data that goes on as it came; views are valid during the call only."""

    def client_request(self, request: ChannelRequest) -> Ruling: ...

    def upstream_request(self, request: ChannelRequest) -> None: ...

    def client_data(self, data: memoryview) -> Changed | None: ...

    def client_ended(self) -> None:
        """It has said all that it will say."""

    def upstream_data(self, data: memoryview, *, stderr: bool) -> Sequence[Piece] | None:
        """The pieces that go on instead: all of the data, and ours between."""

    @property
    def at_work(self) -> bool:
        """Whether upstream has something to do before the client is to speak again."""

    def close(self, *, finished: bool) -> None:
        """The channel is over, or the connection is in the middle of it."""

    def failed(self, why: str) -> None:
        """Upstream, or the client where upstream opens it, will not have the channel."""


class Forwarded:
    """One connection that is forwarded: its bytes are counted, and else left alone. Nobody knows
    who is to speak next in it, so silence is all there is to go by."""

    at_work = False

    def __init__(self, context: Context, direction: str, target: Target) -> None:
        self._context = context
        self._direction = direction
        self._target = target
        self._begun = context.clock()
        self._bytes_in = 0
        self._bytes_out = 0

    def client_request(self, request: ChannelRequest) -> Ruling:
        return Ruling("nothing can be asked of a forwarded connection")

    def upstream_request(self, request: ChannelRequest) -> None:
        pass

    def client_data(self, data: memoryview) -> Changed | None:
        self._bytes_in += len(data)
        return None

    def client_ended(self) -> None:
        pass

    def upstream_data(self, data: memoryview, *, stderr: bool) -> Sequence[Piece] | None:
        self._bytes_out += len(data)
        return None

    def close(self, *, finished: bool) -> None:
        self._report(finished=finished, failure=None)

    def failed(self, why: str) -> None:
        self._report(finished=True, failure=why)

    def _report(self, *, finished: bool, failure: str | None) -> None:
        event = SshForward(
            direction=self._direction,
            target=self._target.name,
            origin=self._target.origin,
            accepted=failure is None,
            failure=failure,
            bytes_in=self._bytes_in,
            bytes_out=self._bytes_out,
            duration_ms=self._context.since(self._begun),
            finished=finished,
        )
        self._context.emit(event)
