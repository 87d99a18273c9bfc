"""SFTP in one channel: what each request came to, and which are refused.

Requests and answers are paired by their numbers. Version 3 is what everybody speaks; a client that
offers a later one is brought down to it, for there the messages are others.
"""

from collections.abc import Sequence

from protocols.ssh.content import Changed, Piece
from protocols.ssh.context import Context
from protocols.ssh.encoding import Reader, string, uint32
from protocols.ssh.sftp_answers import Answers
from protocols.ssh.sftp_exchanges import Exchanges
from protocols.ssh.sftp_messages import (
    PERMISSION_DENIED,
    VERSION,
    Effect,
    Fxp,
    Request,
    decode_request,
    status,
)
from protocols.ssh.sftp_requests import Fate, Requests

_READ_ONLY = "this role does not allow changes by SFTP"


class Sftp:
    """One channel's."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._exchanges = Exchanges(context)
        self._requests = Requests(self._decide)
        self._answers = Answers(self._exchanges.answer)
        self._refusals = bytearray()

    def client_sent(self, data: memoryview) -> Changed | None:
        onward, kept_back = self._requests.feed(data)
        answers = self._answers.say(bytes(self._refusals))
        self._refusals.clear()
        if onward is None:
            return None
        return Changed(onward, answers, kept_back)

    def upstream_sent(self, data: memoryview) -> Sequence[Piece] | None:
        return self._answers.feed(data)

    @property
    def at_work(self) -> bool:
        return self._exchanges.at_work

    def close(self) -> None:
        """Report what is unfinished."""
        self._exchanges.close()

    def _decide(self, kind: int, message: bytes) -> Fate:
        if kind == Fxp.INIT:
            version = min(VERSION, Reader(message).uint32())
            init = bytes((Fxp.INIT,)) + uint32(version) + message[4:]
            return Fate(passes=True, instead=string(init))
        request = decode_request(kind, message)
        if self._context.policy.read_only and request.effect is Effect.CHANGES:
            self._refuse(request)
            return Fate(passes=False)
        return Fate(passes=True, sink=self._exchanges.ask(request))

    def _refuse(self, request: Request) -> None:
        path, name = self._exchanges.path(request), f"sftp {request.operation}"
        self._context.deny(name, path, _READ_ONLY)
        self._refusals += status(request.number, PERMISSION_DENIED, _READ_ONLY)
