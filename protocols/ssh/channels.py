"""One connection's channels and global requests: what may pass, and what the audit is told.

Both sides number their channels themselves, and the relay keeps the numbers as they are, so each
side's window and largest packet hold end to end. Source: RFC 4254, and PROTOCOL in OpenSSH.
"""

from collections.abc import Callable

from protocols.api import Clock, Emit
from protocols.carried import OpenRecording
from protocols.errors import ClientProtocolError, ServerProtocolError
from protocols.ssh.context import Context
from protocols.ssh.encoding import Malformed
from protocols.ssh.global_requests import GlobalRequests
from protocols.ssh.messages import Message
from protocols.ssh.openings import Openings
from protocols.ssh.options import SshOptions
from protocols.ssh.tables import Tables
from protocols.ssh.verdict import Verdict

__all__ = ["Channels", "Verdict"]

_Decide = Callable[[bytes], Verdict | None]
_OF_CHANNELS = frozenset(message for message in Message if message > Message.CHANNEL_OPEN_FAILURE)


class Channels:
    """Decides on one connection's packets from 80 to 127, decrypted and whole, type byte first.

    The verdict is None for a packet that goes on as it came, which is nearly every one. Raises
    `ClientProtocolError` and `ServerProtocolError` where a packet is not the protocol, and whatever
    `emit` and a recording raise.
    """

    def __init__(
        self, emit: Emit, clock: Clock, options: SshOptions, record: OpenRecording
    ) -> None:
        self._context = context = Context(emit, clock, options, record)
        self._tables = Tables()
        self._openings = openings = Openings(context, self._tables)
        requests = GlobalRequests(context)
        self._client = _by_type(
            requests.client_sent,
            (openings.client_opens, openings.client_confirms, openings.client_fails),
            self._client_sent,
        )
        self._upstream = _by_type(
            requests.upstream_sent,
            (openings.upstream_opens, openings.upstream_confirms, openings.upstream_fails),
            self._upstream_sent,
        )

    def client_sent(self, packet: bytes) -> Verdict | None:
        """What becomes of a packet that the client sent."""
        try:
            return _decide(self._client, packet)
        except Malformed as fault:
            sentence = f"the client's {_name(packet)} is not as the protocol has it: {fault}"
            raise ClientProtocolError(sentence) from None

    def upstream_sent(self, packet: bytes) -> Verdict | None:
        """What becomes of a packet that upstream sent."""
        try:
            return _decide(self._upstream, packet)
        except Malformed as fault:
            detail = f"upstream's {_name(packet)} is not as the protocol has it: {fault}"
            raise ServerProtocolError("upstream broke the SSH protocol", detail=detail) from None

    @property
    def busy(self) -> bool:
        """Whether any channel is open, or about to be."""
        return self._tables.count > 0

    @property
    def moved(self) -> int | None:
        """Counts what is said and asked for in them, both ways, and not signs of life; None as
        long as upstream has something to do for the client, whose silence tells nothing."""
        return None if self._tables.at_work else self._context.moved

    def close(self) -> None:
        """The connection is over: whatever is unfinished will stay so."""
        self._tables.close()

    def _client_sent(self, packet: bytes) -> Verdict | None:
        channel = self._tables.for_upstream(packet)
        verdict = channel.client_sent(packet)
        if channel.over:
            self._tables.remove(channel)
        return verdict

    def _upstream_sent(self, packet: bytes) -> Verdict | None:
        channel = self._tables.for_client(packet)
        verdict = channel.upstream_sent(packet)
        if not channel.over:
            return verdict
        self._tables.remove(channel)
        if not channel.refused:
            return verdict
        released = self._openings.released()
        said = verdict.onward if verdict is not None else (packet,)
        return Verdict([*said, *released.onward], released.back)


def _by_type(
    of_none: _Decide, of_openings: tuple[_Decide, _Decide, _Decide], of_channels: _Decide
) -> dict[int, _Decide]:
    opens, confirms, fails = of_openings
    return {
        **dict.fromkeys(_OF_CHANNELS, of_channels),
        Message.GLOBAL_REQUEST: of_none,
        Message.REQUEST_SUCCESS: of_none,
        Message.REQUEST_FAILURE: of_none,
        Message.CHANNEL_OPEN: opens,
        Message.CHANNEL_OPEN_CONFIRMATION: confirms,
        Message.CHANNEL_OPEN_FAILURE: fails,
    }


def _decide(table: dict[int, _Decide], packet: bytes) -> Verdict | None:
    decide = table.get(packet[0]) if packet else None
    if decide is None:
        raise Malformed("there is no such message")
    return decide(packet)


def _name(packet: bytes) -> str:
    kind = packet[0] if packet else 0
    return Message(kind).name if kind in frozenset(Message) else f"packet {kind}"
