"""Holds every statement of a role that refuses some until it is whole, and judges it.

A refused one goes on as one that fails: upstream itself then answers with the error, in its turn
among the answers before it and with everything that an error means to a transaction or pipeline.
"""

from collections.abc import Sequence

from protocols.api import Chunk, Flow, Tap
from protocols.errors import ClientProtocolError
from protocols.postgres.frames import HEADER
from protocols.postgres.login import PostgresLogin
from protocols.postgres.messages import cstring, message, text
from protocols.postgres.refused import why_refused

_LONGEST = 1 << 20  # bytes of a statement that can be judged
_JUDGED = (ord("Q"), ord("P"))


def make_gate(login: PostgresLogin, flow: Flow, tap: Tap) -> "PostgresGate | None":
    """None for a role that refuses nothing."""
    refuse = login.options.refuse
    return PostgresGate(login.role, refuse) if refuse else None


class PostgresGate:
    """One session's. What upstream answers is not touched."""

    def __init__(self, role: str, refuse: Sequence[str]) -> None:
        self._role = role
        self._refuse = refuse
        self._held = bytearray()  # from a message's beginning, or within one that was begun
        self._needed = 1  # bytes of it before anything can be done
        self._passing = 0  # bytes to come of a message that goes on as it is
        self._dropping = 0  # bytes to come of a message that does not go on

    def client_sent(self, chunk: Chunk) -> bytes:
        self._held += chunk
        if len(self._held) < self._needed:
            return b""
        out = bytearray()
        position = 0
        while step := self._step(position, out):
            position += step
        del self._held[:position]
        return bytes(out)

    def upstream_sent(self, chunk: Chunk) -> Chunk:
        return chunk

    def _step(self, position: int, out: bytearray) -> int:
        """Bytes that were dealt with; none, and `_needed` is set, where more must come first."""
        there = len(self._held) - position
        if self._passing:
            step = min(there, self._passing)
            out += self._held[position : position + step]
            self._passing -= step
        elif self._dropping:
            step = min(there, self._dropping)
            self._dropping -= step
        else:
            return self._begin(position, there, out)
        self._needed = 1
        return step

    def _begin(self, position: int, there: int, out: bytearray) -> int:
        """A message's header, or all of a statement's message."""
        self._needed = HEADER.size
        if there < self._needed:
            return 0
        kind, length = HEADER.unpack_from(self._held, position)
        if length < 4:
            raise ClientProtocolError("invalid message length")
        if kind not in _JUDGED:
            out += self._held[position : position + HEADER.size]
            self._passing = length - 4
            return HEADER.size
        if length > _LONGEST:
            out += self._refused(kind, b"\0", "does not allow statements too long to be judged")
            self._dropping = length - 4
            return HEADER.size
        self._needed = 1 + length
        if there < self._needed:
            return 0
        out += self._judged(kind, bytes(self._held[position : position + self._needed]))
        return self._needed

    def _judged(self, kind: int, packet: bytes) -> bytes:
        """The message, or the one that goes on in its stead."""
        name, _, rest = packet[5:].partition(b"\0") if kind == ord("P") else (b"", b"", packet[5:])
        statement = rest.partition(b"\0")[0]
        why = why_refused(text(statement), self._refuse)
        return packet if why is None else self._refused(kind, name + b"\0", why)

    def _refused(self, kind: int, name: bytes, why: str) -> bytes:
        """A statement that fails when it runs: a role's name needs no quoting."""
        statement = cstring(
            "DO $keyless$ BEGIN RAISE insufficient_privilege "
            f"USING MESSAGE = 'role \"{self._role}\" {why}'; END $keyless$"
        )
        if kind == ord("P"):
            return message(b"P", name + statement + b"\0\0")
        return message(b"Q", statement)
