"""Which connections may be forwarded: as the role allows it, and as the client asked upstream."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from protocols.api import Emit
from protocols.ssh.encoding import Reader, told
from protocols.ssh.events import SshListener
from protocols.ssh.messages import ChannelOpen, GlobalRequest
from protocols.ssh.policy import Policy
from protocols.ssh.replies import Ruling
from protocols.ssh.targets import (
    Target,
    read_agent,
    read_direct_socket,
    read_forwarded_socket,
    read_socket_listener,
    read_tcp,
    read_tcp_listener,
    read_x11,
)

_Read = Callable[[bytes], Target]
_FROM_CLIENT: Mapping[bytes, _Read] = {
    b"direct-tcpip": read_tcp,
    b"direct-streamlocal@openssh.com": read_direct_socket,
}
_FROM_UPSTREAM: Mapping[bytes, tuple[str, _Read]] = {
    b"forwarded-tcpip": ("remote", read_tcp),
    b"forwarded-streamlocal@openssh.com": ("remote", read_forwarded_socket),
    b"auth-agent@openssh.com": ("agent", read_agent),
    b"x11": ("x11", read_x11),
}
_LISTENERS: Mapping[bytes, _Read] = {
    b"tcpip-forward": read_tcp_listener,
    b"streamlocal-forward@openssh.com": read_socket_listener,
}
_CANCELS: Mapping[bytes, _Read] = {
    b"cancel-tcpip-forward": read_tcp_listener,
    b"cancel-streamlocal-forward@openssh.com": read_socket_listener,
}
LISTENS = frozenset(_LISTENERS) | frozenset(_CANCELS)
"""Names of the global requests that are about listeners."""
_MAX_LISTENERS = 1000
_ANY_PORT = 0
_UNKNOWN = "this role does not allow channels of this type"
_UNASKED = "the client has not asked for this"


@dataclass(frozen=True, slots=True)
class Opening:
    """What a channel to be opened leads to, and the sentence where it may not be."""

    direction: str
    target: Target
    denied: str | None


class Forwards:
    """What one connection's client has asked for, so that upstream may open channels to it."""

    def __init__(self, policy: Policy, emit: Emit) -> None:
        self._policy = policy
        self._emit = emit
        self._listeners: Counter[int | str] = Counter()
        self.agent = False
        self.x11 = False

    def client_opens(self, message: ChannelOpen) -> Opening:
        read = _FROM_CLIENT.get(message.kind)
        if read is None:
            return Opening("local", Target(told(message.kind)), _UNKNOWN)
        target = read(message.details)
        return Opening("local", target, self._policy.connection(target.name))

    def upstream_opens(self, message: ChannelOpen) -> Opening:
        if message.kind not in _FROM_UPSTREAM:
            return Opening("remote", Target(told(message.kind)), _UNKNOWN)
        direction, read = _FROM_UPSTREAM[message.kind]
        target = read(message.details)
        asked = {
            "remote": self._listeners[_key(target)] > 0,
            "agent": self.agent,
            "x11": self.x11,
        }
        return Opening(direction, target, None if asked[direction] else _UNASKED)

    def client_asks(self, request: GlobalRequest) -> Ruling:
        """Of a listener, or its end."""
        if request.name in _CANCELS:
            target = _CANCELS[request.name](request.details)
            return Ruling(answered=partial(self._cancelled, target))
        target = _LISTENERS[request.name](request.details)
        denied = self._policy.listener(target.name)
        if denied is None and self._listeners.total() >= _MAX_LISTENERS:
            denied = "the client has asked for too many listeners"
        if denied is not None:
            return Ruling(denied, target.name)
        self._listeners[_key(target)] += 1
        return Ruling(answered=partial(self._listening, target))

    def _listening(self, target: Target, granted: bool, details: bytes) -> None:
        """Upstream says which port it has chosen where the client asked for any."""
        bound, any_port = target, _key(target) == _ANY_PORT
        if any_port and granted and details:
            bound = target.at(Reader(details).uint32())
            self._listeners[_key(bound)] += 1
        if any_port or not granted:
            self._forget(target)
        self._emit(SshListener("listen", target.name, bound.name if granted else None, granted))

    def _cancelled(self, target: Target, granted: bool, details: bytes) -> None:
        if granted:
            self._forget(target)
        self._emit(SshListener("cancel", target.name, target.name if granted else None, granted))

    def _forget(self, target: Target) -> None:
        key = _key(target)
        if self._listeners[key] > 1:
            self._listeners[key] -= 1
        else:
            del self._listeners[key]


def _key(target: Target) -> int | str:
    """What upstream calls the host that it listens on is its own, so a port stands for itself."""
    return target.name if target.name.startswith("unix:") else target.port
