"""One channel: which of its packets go on, with its windows and the order of its answers kept."""

from collections.abc import Sequence

from protocols.ssh.content import Changed, Content
from protocols.ssh.context import Context
from protocols.ssh.encoding import Malformed, told, uint32
from protocols.ssh.messages import (
    ChannelRequest,
    ChannelWindowAdjust,
    Message,
    channel_data,
    channel_packet,
    data_of,
    stderr_data,
)
from protocols.ssh.outbox import End, Outbox
from protocols.ssh.replies import ALLOWED, Replies, Ruling
from protocols.ssh.verdict import DROPPED, Verdict

_CANNOT_EXECUTE = 126  # as shells say it


class Channel:
    """One channel, from both sides knowing its numbers to both having closed it.

    A program that is refused ends its channel as if it had run and said why: of clients that are
    told CHANNEL_FAILURE, some never show a reason. Upstream hears of that end from the client's own
    CLOSE. Until it has answered that, `refused` and closed, the client's number is not free.
    """

    def __init__(self, context: Context, content: Content, client: End, upstream: End) -> None:
        self.content = content
        self.client = client
        self.upstream = upstream
        self.refused = False
        self._context = context
        self._outbox = Outbox(client)
        self._replies = Replies()

    @property
    def over(self) -> bool:
        return self.client.closed and self.upstream.closed

    # -- the client's packets ---------------------------------------------------------------------

    def client_sent(self, packet: bytes) -> Verdict | None:
        if self.client.closed:
            return DROPPED
        if packet[0] == Message.CHANNEL_CLOSE:
            self.client.closed = True
            left = self._outbox.abandon()
            return Verdict((packet,), left) if left else None
        return DROPPED if self.refused else self._take_from_client(packet)

    def _take_from_client(self, packet: bytes) -> Verdict | None:
        match packet[0]:
            case Message.CHANNEL_DATA:
                data = data_of(packet)
                self._context.moved += len(data)
                changed = self.content.client_data(data)
                return None if changed is None else self._change(changed)
            case Message.CHANNEL_EOF:
                self.content.client_ended()
            case Message.CHANNEL_WINDOW_ADJUST:
                return self._adjust(ChannelWindowAdjust.decode(packet))
            case Message.CHANNEL_REQUEST:
                return self._request(ChannelRequest.decode(packet))
            case Message.CHANNEL_EXTENDED_DATA:
                raise Malformed("a client has no data of this kind")
        return None

    def _change(self, changed: Changed) -> Verdict:
        back: list[bytes] = []
        if changed.swallowed:
            back.append(ChannelWindowAdjust(self.client.number, changed.swallowed).encode())
        if changed.answers:
            back += self._outbox.add(changed.answers)
        most = max(1, self.upstream.largest)
        starts = range(0, len(changed.onward), most)
        pieces = (changed.onward[start : start + most] for start in starts)
        return Verdict([channel_data(self.upstream.number, piece) for piece in pieces], back)

    def _adjust(self, message: ChannelWindowAdjust) -> Verdict | None:
        size, released = self._outbox.adjust(message.size)
        if size == message.size and not released:
            return None
        onward = [ChannelWindowAdjust(message.recipient, size).encode()] if size else []
        return Verdict(onward, released)

    def _request(self, request: ChannelRequest) -> Verdict | None:
        ruling = self._rule(request)
        if ruling.denied is None:
            if request.want_reply:
                self._replies.expect(ruling.answered)
            return None
        self._context.deny(told(request.name), ruling.detail, ruling.denied)
        if ruling.ends:
            self.refused = True
            return Verdict(back=self._replies.say(self._ending(request, ruling.denied)))
        failure = channel_packet(Message.CHANNEL_FAILURE, self.client.number)
        return Verdict(back=self._replies.say([failure])) if request.want_reply else DROPPED

    def _rule(self, request: ChannelRequest) -> Ruling:
        """Whatever a channel bears, its ends may ask each other for a sign of life."""
        if request.name.startswith(b"keepalive@") or request.name == b"eow@openssh.com":
            return ALLOWED
        self._context.moved += len(request.name) + len(request.details)
        return self.content.client_request(request)

    def _ending(self, request: ChannelRequest, sentence: str) -> Sequence[bytes]:
        number = self.client.number
        packets = []
        if request.want_reply:
            packets.append(channel_packet(Message.CHANNEL_SUCCESS, number))
        said = f"keyless: {sentence}\r\n".encode()
        if len(said) <= min(self.client.window, self.client.largest):
            packets.append(stderr_data(number, said))
        status = ChannelRequest(number, b"exit-status", False, uint32(_CANNOT_EXECUTE))
        eof = channel_packet(Message.CHANNEL_EOF, number)
        return [*packets, status.encode(), eof, channel_packet(Message.CHANNEL_CLOSE, number)]

    # -- upstream's packets -----------------------------------------------------------------------

    def upstream_sent(self, packet: bytes) -> Verdict | None:
        if self.upstream.closed:
            return DROPPED
        message = packet[0]
        self.upstream.closed = message == Message.CHANNEL_CLOSE
        if message in (Message.CHANNEL_SUCCESS, Message.CHANNEL_FAILURE):
            granted = message == Message.CHANNEL_SUCCESS
            return Verdict(self._replies.pass_on(packet, granted=granted))
        if self.refused:
            return Verdict(self._replies.rest()) if self.upstream.closed else DROPPED
        return self._take_from_upstream(packet)

    def _take_from_upstream(self, packet: bytes) -> Verdict | None:
        match packet[0]:
            case Message.CHANNEL_DATA | Message.CHANNEL_EXTENDED_DATA:
                return self._upstream_data(packet)
            case Message.CHANNEL_WINDOW_ADJUST:
                return None
            case Message.CHANNEL_REQUEST:
                self.content.upstream_request(ChannelRequest.decode(packet))
        return self._pass_on(packet, 0)

    def _upstream_data(self, packet: bytes) -> Verdict | None:
        data = data_of(packet)
        self._context.moved += len(data)
        stderr = packet[0] == Message.CHANNEL_EXTENDED_DATA
        pieces = self.content.upstream_data(data, stderr=stderr)
        if pieces is None:
            return self._pass_on(packet, len(data))
        onward: list[bytes] = []
        for piece in pieces:
            if piece.ours:
                onward += self._outbox.add(piece.data)
            else:
                onward += self._outbox.put(channel_data(self.client.number, piece.data))
        return Verdict(onward)

    def _pass_on(self, packet: bytes, size: int) -> Verdict | None:
        """In its order among what waits for the client."""
        return None if self._outbox.passes(size) else Verdict(self._outbox.put(packet))
