"""How channels come to be: one side asks for each, and the other confirms it or does not.

Where a program was refused, the client takes its channel for closed a moment before upstream does,
and could give its number to another. So no channel is asked for until upstream has closed it too.
"""

from collections.abc import Callable

from protocols.ssh.channel import Channel
from protocols.ssh.content import Content, Forwarded
from protocols.ssh.context import Context
from protocols.ssh.encoding import Malformed, told
from protocols.ssh.messages import (
    ChannelOpen,
    ChannelOpenConfirmation,
    ChannelOpenFailure,
    OpenFailureReason,
)
from protocols.ssh.outbox import End
from protocols.ssh.session import Session
from protocols.ssh.tables import Asked, Tables
from protocols.ssh.verdict import DROPPED, Verdict

_MAX_CHANNELS = 1000
_TOO_MANY = f"no more than {_MAX_CHANNELS} channels may be open at once"


class Openings:
    """One connection's."""

    def __init__(self, context: Context, tables: Tables) -> None:
        self._context = context
        self._tables = tables
        self._held: list[tuple[Callable[[bytes], Verdict | None], bytes]] = []

    # -- the client asks, and upstream answers ----------------------------------------------------

    def client_opens(self, packet: bytes) -> Verdict | None:
        if self._tables.leaving:
            return self._hold(self.client_opens, packet)
        message = ChannelOpen.decode(packet)
        self._context.moved += len(packet)
        self._tables.check_client_number(message.sender)
        if self._full:
            return _refuse(message, _TOO_MANY, OpenFailureReason.RESOURCE_SHORTAGE)
        content: Content
        if message.kind == b"session":
            content = Session(self._context)
        else:
            leads = self._context.forwards.client_opens(message)
            if leads.denied is not None:
                return self._deny(message, leads.target.name, leads.denied)
            content = Forwarded(self._context, leads.direction, leads.target)
        self._tables.asked_by_client[message.sender] = Asked(_end(message), content)
        return None

    def upstream_confirms(self, packet: bytes) -> None:
        message = ChannelOpenConfirmation.decode(packet)
        self._tables.check_upstream_number(message.sender)
        asked = _answered(self._tables.asked_by_client, message)
        self._tables.add(Channel(self._context, asked.content, asked.end, _end(message)))

    def upstream_fails(self, packet: bytes) -> None:
        _fail(self._tables.asked_by_client, packet)

    # -- upstream asks, and the client answers ----------------------------------------------------

    def upstream_opens(self, packet: bytes) -> Verdict | None:
        if self._tables.leaving:
            return self._hold(self.upstream_opens, packet)
        message = ChannelOpen.decode(packet)
        self._tables.check_upstream_number(message.sender)
        if self._full:
            return _refuse(message, _TOO_MANY, OpenFailureReason.RESOURCE_SHORTAGE)
        leads = self._context.forwards.upstream_opens(message)
        if leads.denied is not None:
            return self._deny(message, leads.target.name, leads.denied)
        content = Forwarded(self._context, leads.direction, leads.target)
        self._tables.asked_by_upstream[message.sender] = Asked(_end(message), content)
        return None

    def client_confirms(self, packet: bytes) -> None:
        message = ChannelOpenConfirmation.decode(packet)
        self._tables.check_client_number(message.sender)
        asked = _answered(self._tables.asked_by_upstream, message)
        self._tables.add(Channel(self._context, asked.content, _end(message), asked.end))

    def client_fails(self, packet: bytes) -> None:
        _fail(self._tables.asked_by_upstream, packet)

    # -- what waits -------------------------------------------------------------------------------

    def _hold(self, open_later: Callable[[bytes], Verdict | None], packet: bytes) -> Verdict:
        if self._full:
            raise Malformed("more channels are asked for than there may be")
        self._held.append((open_later, packet))
        return DROPPED

    def released(self) -> Verdict:
        """What was held, as a verdict on a packet of upstream's; that of the client goes back."""
        to_client: list[bytes] = []
        to_upstream: list[bytes] = []
        held, self._held = self._held, []
        for opens, packet in held:
            verdict = opens(packet) or Verdict((packet,))
            by_client = opens == self.client_opens
            to_upstream += verdict.onward if by_client else verdict.back
            to_client += verdict.back if by_client else verdict.onward
        return Verdict(to_client, to_upstream)

    @property
    def _full(self) -> bool:
        return self._tables.count + len(self._held) >= _MAX_CHANNELS

    def _deny(self, message: ChannelOpen, target: str, sentence: str) -> Verdict:
        self._context.deny(told(message.kind), target, sentence)
        return _refuse(message, sentence, OpenFailureReason.ADMINISTRATIVELY_PROHIBITED)


def _end(message: ChannelOpen | ChannelOpenConfirmation) -> End:
    return End(message.sender, message.window, message.largest)


def _refuse(message: ChannelOpen, sentence: str, reason: OpenFailureReason) -> Verdict:
    failure = ChannelOpenFailure(message.sender, reason, sentence.encode(), b"en")
    return Verdict(back=[failure.encode()])


def _fail(table: dict[int, Asked], packet: bytes) -> None:
    message = ChannelOpenFailure.decode(packet)
    asked = _answered(table, message)
    asked.content.failed(told(message.description, 256) or f"reason {message.reason}")


def _answered(
    table: dict[int, Asked], answer: ChannelOpenConfirmation | ChannelOpenFailure
) -> Asked:
    """What was asked for. It is asked for no more."""
    asked = table.pop(answer.recipient, None)
    if asked is None:
        raise Malformed("nobody has asked for this channel")
    return asked
