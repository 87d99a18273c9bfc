"""Requests that belong to no channel, each side's own, with their answers in order."""

from protocols.ssh.context import Context
from protocols.ssh.encoding import told
from protocols.ssh.forwards import LISTENS
from protocols.ssh.messages import REQUEST_FAILURE, GlobalRequest, Message
from protocols.ssh.replies import ALLOWED, Replies, Ruling
from protocols.ssh.verdict import DROPPED, Verdict

# Upstream's own keys, by which a client would learn to trust it where it knows only the proxy.
_HOST_KEYS = frozenset({b"hostkeys-00@openssh.com", b"hostkeys@openssh.com"})
_UNKNOWN = Ruling("this role does not allow requests of this kind")


class GlobalRequests:
    """One connection's."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._owed_to_client = Replies()
        self._owed_to_upstream = Replies()

    def client_sent(self, packet: bytes) -> Verdict | None:
        if packet[0] != Message.GLOBAL_REQUEST:
            return _answer(self._owed_to_upstream, packet)
        request = GlobalRequest.decode(packet)
        ruling = self._rule(request)
        if ruling.denied is not None:
            self._context.deny(told(request.name), ruling.detail, ruling.denied)
            return _refuse(self._owed_to_client, request)
        if request.want_reply:
            self._owed_to_client.expect(ruling.answered)
        elif ruling.answered is not None:
            ruling.answered(True, b"")
        return None

    def upstream_sent(self, packet: bytes) -> Verdict | None:
        if packet[0] != Message.GLOBAL_REQUEST:
            return _answer(self._owed_to_client, packet)
        request = GlobalRequest.decode(packet)
        if request.name in _HOST_KEYS:
            return _refuse(self._owed_to_upstream, request)
        if request.want_reply:
            self._owed_to_upstream.expect(None)
        return None

    def _rule(self, request: GlobalRequest) -> Ruling:
        if request.name in LISTENS:
            return self._context.forwards.client_asks(request)
        harmless = request.name == b"no-more-sessions@openssh.com"
        return ALLOWED if harmless or request.name.startswith(b"keepalive@") else _UNKNOWN


def _answer(owed: Replies, packet: bytes) -> Verdict:
    return Verdict(owed.pass_on(packet, granted=packet[0] == Message.REQUEST_SUCCESS))


def _refuse(owed: Replies, request: GlobalRequest) -> Verdict:
    return Verdict(back=owed.say([REQUEST_FAILURE])) if request.want_reply else DROPPED
