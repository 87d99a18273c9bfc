"""What a client asks after login, as far as the audit must know it to read upstream's answers."""

from dataclasses import dataclass

from protocols.errors import ClientProtocolError, Reason
from protocols.postgres.frames import HEADER
from protocols.postgres.parameters import Parameters
from protocols.postgres.statements import UNKNOWN, LongText, Statement, read_types

_NAME_BYTES = 63  # PostgreSQL looks at no more of a statement's or portal's name
_BIND = ord("B")
# Behind a message's header, where its name begins; a Bind has two. The others here have none.
_NAMES = {
    ord("P"): 0,
    _BIND: 0,
    ord("E"): 0,
    ord("D"): 1,
    ord("C"): 1,
    ord("S"): None,
    ord("H"): None,
    ord("Q"): None,
}
_FIRST_OF_OTHERS = 16_384  # functions that PostgreSQL has not brought with it


@dataclass(slots=True)
class Request:
    """One message that waits for its answer, and what the answer has said so far.

    `kind` is the message's type. `name` is the statement or portal that it makes, runs, describes
    or closes; `source` the prepared statement that a Bind makes its portal of. Names are bytes, for
    two that differ may not be one.
    """

    kind: str
    started: float
    copies_before: int  # how often the client had ended copy data when it sent this
    name: bytes = b""
    source: bytes = b""
    statement: Statement = UNKNOWN
    parameters: Parameters | None = None  # of a Bind
    row_limit: int = 0  # an Execute that is suspended has returned exactly so many rows
    copies_begun: int = 0  # how often upstream asked for copy data because of this
    answered: bool = False  # a Query or FunctionCall has a result: what is next for it is its Z
    commands: tuple[str, ...] = ()
    rows: int = 0
    sqlstate: str | None = None


def are_readable(chunk: bytes) -> bool:
    """Whether it is whole messages of the kinds that are sent most, each with its names' ends."""
    position, end = 0, len(chunk)
    while position + 5 <= end:
        kind, length = HEADER.unpack_from(chunk, position)
        body, position = position + 5, position + 1 + length
        if position > end or position < body or kind not in _NAMES:
            return False
        if (name := _NAMES[kind]) is not None:
            name_end = chunk.find(0, body + name, position)
            if name_end < 0 or (kind == _BIND and chunk.find(0, name_end + 1, position) < 0):
                return False
    return position == end


def read_query(body: bytes, size: int) -> Statement:
    """Of a body that is longer than what was kept of it, `size`, what is there."""
    text, end, _ = body.partition(b"\0")
    return Statement(text, LongText(text) if not end and size > len(body) else None)


def read_parse(body: bytes, size: int, *, types: bool = False) -> tuple[bytes, Statement]:
    """A statement's name and text, and if wanted the types of its parameters."""
    name, rest = _name(body)
    text, end, counted = rest.partition(b"\0")
    statement = Statement(text, LongText(text) if not end and size > len(body) else None)
    if types:
        statement.types = read_types(counted)
    return name, statement


def read_bind(body: bytes) -> tuple[bytes, bytes, bytes]:
    """The portal's name first, then the statement's, and where the parameters begin."""
    portal, rest = _name(body)
    source, rest = _name(rest)
    return portal, source, rest


def read_execute(body: bytes) -> tuple[bytes, int]:
    """A portal's name, and how many rows it may return; 0: all."""
    name, rest = _name(body)
    return name, int.from_bytes(rest[:4], "big")


def read_target(body: bytes) -> bytes:
    """What a Close or Describe is for: S or P, then the name of a statement or portal."""
    name, _ = _name(body[1:])
    return body[:1] + name


def read_function(body: bytes, room: int | None) -> Statement:
    """A FunctionCall, in words. What a function of somebody else's does with its arguments, nobody
    can tell from its OID."""
    oid = int.from_bytes(body[:4], "big")
    statement = Statement(b"function %d" % oid)
    if room is not None:
        statement.parameters = Parameters(room, secret=oid >= _FIRST_OF_OTHERS)
        statement.parameters.take(body[4:])
    return statement


def _name(body: bytes) -> tuple[bytes, bytes]:
    """The name that a body begins with, as far as upstream looks at it, and what is behind it."""
    name, end, rest = body.partition(b"\0")
    if not end:  # what cannot be read cannot be audited
        raise ClientProtocolError("a statement's or portal's name has no end", Reason.OVERSIZED)
    return name[:_NAME_BYTES], rest
