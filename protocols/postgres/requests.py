"""What a client asks after login, as far as the audit must know it to read upstream's answers."""

from dataclasses import dataclass, field

# The messages that upstream answers: Query, Parse, Bind, Execute, Close, Describe, Sync and
# FunctionCall.
ANSWERED = b"QPBECDSF"


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement's text, cut where it is long, and its true size in bytes."""

    text: str = ""
    size: int = 0


UNKNOWN = Statement()  # of a portal or statement that SQL made, or that the audit has forgotten


@dataclass(slots=True)
class Request:
    """One message that waits for its answer, and what the answer has said so far.

    `name` is the statement or portal that the message makes, runs or closes; `source` the prepared
    statement that a Bind makes its portal of.
    """

    kind: str
    started: float
    copied_before: int
    name: str = ""
    source: str = ""
    statement: Statement = UNKNOWN
    row_limit: int = 0  # an Execute that is suspended has returned exactly so many rows
    commands: list[str] = field(default_factory=list)
    rows: int = 0
    sqlstate: str | None = None


def read_request(kind: str, body: bytes, size: int, now: float, copied: int) -> Request:
    """Decode a message's first fields; of a longer body than was kept, what is there.

    `size` is the body's true size, `copied` the session's count of copied bytes so far.
    """
    request = Request(kind, now, copied)
    match kind:
        case "Q":
            request.statement = Statement(first_string(body), max(0, size - 1))
        case "P":
            name, _, rest = body.partition(b"\0")
            sql, end, _ = rest.partition(b"\0")
            request.name = first_string(name)
            request.statement = Statement(
                first_string(sql), len(sql) if end else size - len(name) - 4
            )
        case "B":  # the portal's name first, then the statement's
            portal, _, rest = body.partition(b"\0")
            request.name, request.source = first_string(portal), first_string(rest)
        case "E":
            request.name = first_string(body)
            request.row_limit = int.from_bytes(body[-4:], "big")
        case "C":
            request.name = first_string(body)
    return request


def first_string(body: bytes) -> str:
    """The bytes before the first NUL. What is not UTF-8 stays readable, byte by byte."""
    return body.partition(b"\0")[0].decode("utf-8", "backslashreplace")
