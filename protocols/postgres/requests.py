"""What a client asks after login, as far as the audit must know it to read upstream's answers."""

from dataclasses import dataclass, field

from protocols.errors import ClientProtocolError, Reason

_NAME_BYTES = 63  # PostgreSQL looks at no more of a statement's or portal's name

# The messages that upstream answers: Query, Parse, Bind, Execute, Close, Describe, Sync and
# FunctionCall.
ANSWERED = b"QPBECDSF"


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement's text, cut where it is long, and its true size in bytes."""

    text: str = ""
    size: int = 0

    def cut(self, length: int) -> "Statement":
        return Statement(self.text[:length], self.size)


UNKNOWN = Statement()  # of a portal or statement that SQL made, or that the audit has forgotten


@dataclass(slots=True)
class Request:
    """One message that waits for its answer, and what the answer has said so far.

    `name` is the statement or portal that the message makes, runs or closes; `source` the prepared
    statement that a Bind makes its portal of. Names are bytes, for two that differ may not be one.
    """

    kind: str
    started: float
    copies_before: int  # how often the client had ended copy data when it sent this
    name: bytes = b""
    source: bytes = b""
    statement: Statement = UNKNOWN
    row_limit: int = 0  # an Execute that is suspended has returned exactly so many rows
    copies_begun: int = 0  # how often upstream asked for copy data because of this
    answered: bool = False  # a Query or FunctionCall has a result: what is next for it is its Z
    commands: list[str] = field(default_factory=list)
    rows: int = 0
    sqlstate: str | None = None


def read_request(kind: str, body: bytes, size: int, now: float, copies: int) -> Request:
    """Decode a message's first fields; of a longer body than was kept, what is there.

    `size` is the body's true size, `copies` how often the client has ended copy data so far.
    """
    request = Request(kind, now, copies)
    match kind:
        case "Q":
            request.statement = Statement(first_string(body), max(0, size - 1))
        case "P":
            request.name, rest = _name(body)
            sql, end, _ = rest.partition(b"\0")
            cut = 0 if end else max(0, size - len(body) - 3)
            request.statement = Statement(first_string(sql), len(sql) + cut)
        case "B":  # the portal's name first, then the statement's
            request.name, rest = _name(body)
            request.source, _ = _name(rest)
        case "E":
            request.name, rest = _name(body)
            request.row_limit = int.from_bytes(rest[:4], "big")
        case "F":
            oid = int.from_bytes(body[:4], "big")
            request.statement = Statement(call := f"function {oid}", len(call))
        case "C":  # S or P, then the name of a statement or portal
            name, _ = _name(body[1:])
            request.name = body[:1] + name
    return request


def _name(body: bytes) -> tuple[bytes, bytes]:
    """The name that a body begins with, as far as upstream looks at it, and what is behind it."""
    name, end, rest = body.partition(b"\0")
    if not end:  # what cannot be read cannot be audited
        raise ClientProtocolError("a statement's or portal's name has no end", Reason.OVERSIZED)
    return name[:_NAME_BYTES], rest


def first_string(body: bytes) -> str:
    """The bytes before the first NUL. What is not UTF-8 stays readable, byte by byte."""
    return readable(body.partition(b"\0")[0])


def readable(text: bytes) -> str:
    return text.decode("utf-8", "backslashreplace")
