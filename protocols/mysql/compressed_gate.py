"""The gate of a session whose packets are compressed.

A frame passes as it came unless there is a command in it that must be decided on. That one goes on
uncompressed, which the protocol leaves to everybody; its numbers are its packet's own, for clients
give each command a frame of its own.
"""

from protocols.api import Chunk, Flow, Gate
from protocols.errors import ClientProtocolError, Refusal, ServerProtocolError
from protocols.mysql.capabilities import Agreed
from protocols.mysql.compression import Frames, framed
from protocols.mysql.gate import MysqlGate
from protocols.mysql.login import MysqlLogin
from protocols.mysql.tap import MysqlTap

_SPREAD = "a command is spread over compressed packets that have others in them"


class CompressedGate:
    """Takes frames apart for a gate of plain packets."""

    def __init__(self, gate: MysqlGate, algorithm: str) -> None:
        self._gate = gate
        fault = ClientProtocolError("the client sent a compressed packet that is malformed")
        self._client = Frames(algorithm, fault)
        self._fault = ServerProtocolError("upstream did not answer COM_CHANGE_USER by packets")
        self._upstream = Frames(algorithm, self._fault)

    def client_sent(self, chunk: Chunk) -> bytes:
        passed = bytearray()
        for raw, pieces in self._client.feed(chunk):
            held, decided = self._gate.holding, self._gate.decided
            said = [bytes(self._gate.client_sent(piece)) for piece in pieces]
            if self._gate.decided == decided:
                passed += raw
            elif held or self._gate.holding or not self._client.short:
                raise ClientProtocolError(_SPREAD)
            else:
                passed += _framed(b"".join(said), ClientProtocolError(_SPREAD))
        return bytes(passed)

    def upstream_sent(self, chunk: Chunk) -> Chunk:
        if not self._gate.changing:
            return chunk
        said = bytearray()
        for _, pieces in self._upstream.feed(chunk):
            for piece in pieces:
                said += self._gate.upstream_sent(piece)
        if not self._gate.changing and not self._upstream.at_boundary():
            raise self._fault
        return _framed(bytes(said), self._fault)


def _framed(packets: bytes, fault: Refusal) -> bytes:
    try:
        return framed(packets)
    except ValueError:
        raise fault from None


def gate(login: MysqlLogin, flow: Flow, tap: MysqlTap) -> Gate:
    """The gate of one session, whether it is compressed or not."""
    agreed: Agreed = flow.agreed
    plain = MysqlGate(login, agreed, tap)
    return plain if agreed.compression is None else CompressedGate(plain, agreed.compression)
