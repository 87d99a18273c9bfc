"""What it takes to record conversations with a real server."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from protocols.api import (
    Command,
    Connect,
    Disconnected,
    Receive,
    Send,
    Side,
    TcpEndpoint,
)
from tests.fuzz.conversation import Conversation, Framing
from tests.fuzz.relay import Relay
from tests.protocols.script import Script


@dataclass(frozen=True, slots=True)
class Recording:
    """A conversation, and where in a kind's folder of the corpus it goes. `about` says what made
    it."""

    folder: str
    name: str
    about: str
    framing: dict[Side, Framing]
    conversation: Conversation


def sessions_of(
    name: str, relay: Relay, after_login: Callable[[Conversation], Conversation]
) -> Iterator[tuple[str, Conversation]]:
    """What was said through a relay after each login, by the session's name; numbered, if there
    were several."""
    conversations = [c for c in map(after_login, relay.conversations) if c.steps]
    for number, conversation in enumerate(conversations, 1):
        yield (name if len(conversations) == 1 else f"{name}_{number}"), conversation


class Dialled(Script):
    """A script whose upstream is a real server."""

    def _carry_out(self, command: Command) -> Any:
        match command:
            case Connect(login):
                assert isinstance(login.endpoint, TcpEndpoint)
                self._socket = socket.create_connection((login.endpoint.host, login.endpoint.port))
            case Receive(Side.UPSTREAM):
                if received := self._socket.recv(1 << 16):
                    return received
                self._socket.close()
                raise Disconnected(Side.UPSTREAM)
            case Send(Side.UPSTREAM, data):
                self._socket.sendall(data)
            case _:
                return super()._carry_out(command)
        return None
