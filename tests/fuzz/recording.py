"""What it takes to record conversations with a real server."""

import socket
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
