"""How a refusal reads in MySQL: which error number and SQLSTATE stand for which reason."""

from protocols.errors import Reason, Refusal, UpstreamRefused
from protocols.mysql.messages import ErrPacket
from protocols.mysql.packets import packet

_UNSPECIFIC = (1105, "HY000")
_CODES = {
    Reason.MALFORMED: (1043, "08S01"),
    Reason.OVERSIZED: (1153, "08S01"),
    Reason.UNSUPPORTED: (1235, "42000"),
    Reason.UNKNOWN_ROLE: (1045, "28000"),
    Reason.UNKNOWN_DATABASE: (1049, "42000"),
    Reason.DENIED: (1227, "42000"),
    Reason.LIMIT_REACHED: (1040, "08004"),
    Reason.LOGIN_REJECTED: (1045, "28000"),
    Reason.UPSTREAM_STARTING: (1053, "08S01"),
    Reason.IDLE: (1927, "08S01"),
    Reason.SHUTTING_DOWN: (1053, "08S01"),
}
_CLIENTS_OWN = range(2000, 3000)  # a client would take it for its own


def error_packet(refusal: Refusal, sequence: int, *, greeted: bool = True) -> bytes:
    """The ERR that a refused client receives. Before the greeting it has no SQLSTATE: nothing is
    agreed on yet."""
    code, sqlstate = _CODES.get(refusal.reason, _UNSPECIFIC)
    if isinstance(refusal, UpstreamRefused) and int(refusal.code) not in _CLIENTS_OWN:
        code = int(refusal.code)
    return packet(sequence, ErrPacket(code, sqlstate if greeted else None, str(refusal)).encode())
