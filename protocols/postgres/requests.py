"""What a client asks after login, as far as the audit must know it to read upstream's answers."""

from protocols.errors import ClientProtocolError, Reason
from protocols.octets import behind_zero, cut, uint32
from protocols.postgres.frames import KEPT
from protocols.postgres.parameters import Parameters
from protocols.postgres.statements import UNKNOWN, LongText, Statement, read_types

_KEPT = KEPT
_NAME_BYTES = 63  # PostgreSQL looks at no more of a statement's or portal's name
_BIND = ord("B")
# Behind a message's header, where its name begins; a Bind has two. `NONE` have none.
_NAMED, _NAMED_BEHIND_ONE, _NONE = b"PBE", b"DC", b"SHQ"
_UNNAMED_AND_ALL = bytes(5)  # what most clients' Executes say
_FIRST_OF_OTHERS = 16_384  # functions that PostgreSQL has not brought with it


class Request:
    """One message that waits for its answer, and what the answer has said so far.

    `kind` is the message's type. `name` is the statement or portal that it makes, runs, describes
    or closes; `source` the prepared statement that a Bind makes its portal of. Names are bytes, for
    two that differ may not be one.
    """

    __slots__ = (
        "answered",
        "commands",
        "copies_before",
        "copies_begun",
        "kind",
        "name",
        "parameters",
        "row_limit",
        "rows",
        "source",
        "sqlstate",
        "started",
        "statement",
    )

    def __init__(self) -> None:
        self.kind = " "
        self.started = 0.0
        self.copies_before = 0  # how often the client had ended copy data by then
        self.name = b""
        self.source = b""
        self.statement = UNKNOWN
        self.parameters: Parameters | None = None  # of a Bind
        self.row_limit = 0  # an Execute that is suspended has returned exactly so many rows
        self.copies_begun = 0  # how often upstream asked for copy data because of this
        self.answered = False  # a Query or FunctionCall has a result: what is next is its Z
        self.commands: tuple[str, ...] = ()
        self.rows = 0
        self.sqlstate: str | None = None


def are_readable(chunk: bytes) -> bool:
    """Whether it is whole messages of the kinds that are sent most, each with its names' ends."""
    position, end = 0, len(chunk)
    while position + 5 <= end:
        kind = chunk[position]
        body = position + 5
        position += 1 + uint32(chunk, position + 1)
        if position > end or position < body or position - body > _KEPT:
            return False
        if kind in _NAMED_BEHIND_ONE:
            body += 1
        elif kind in _NONE:
            continue
        elif kind not in _NAMED:
            return False
        behind = behind_zero(chunk, body, position)
        if not behind or (kind == _BIND and not behind_zero(chunk, behind, position)):
            return False
    return position == end


def read_query(body: bytes, size: int) -> Statement:
    """Of a body that is longer than what was kept of it, `size`, what is there."""
    if behind := behind_zero(body, 0, len(body)):
        return Statement(cut(body, 0, behind - 1))
    return Statement(body, LongText(body) if size > len(body) else None)


def read_parse(body: bytes, size: int, *, types: bool = False) -> tuple[bytes, Statement]:
    """A statement's name and text, and if wanted the types of its parameters."""
    query = _behind_name(body, 0)
    name = name_in(body, 0, query)
    text, end, counted = body[query:].partition(b"\0")
    statement = Statement(text, LongText(text) if not end and size > len(body) else None)
    if types:
        statement.types = read_types(counted)
    return name, statement


def read_bind(body: bytes) -> tuple[bytes, bytes, bytes]:
    """The portal's name first, then the statement's, and where the parameters begin."""
    source = _behind_name(body, 0)
    rest = _behind_name(body, source)
    return name_in(body, 0, source), name_in(body, source, rest), body[rest:]


def read_execute(body: bytes) -> tuple[bytes, int]:
    """A portal's name, and how many rows it may return; 0: all."""
    if body == _UNNAMED_AND_ALL:
        return b"", 0
    limit = _behind_name(body, 0)
    return name_in(body, 0, limit), int.from_bytes(body[limit : limit + 4], "big")


def read_target(body: bytes) -> bytes:
    """What a Close or Describe is for: S or P, then the name of a statement or portal."""
    return body[:1] + name_in(body, 1, _behind_name(body, 1))


def read_function(body: bytes, room: int | None) -> Statement:
    """A FunctionCall, in words. What a function of somebody else's does with its arguments, nobody
    can tell from its OID."""
    oid = int.from_bytes(body[:4], "big")
    statement = Statement(b"function %d" % oid)
    if room is not None:
        statement.parameters = Parameters(room, secret=oid >= _FIRST_OF_OTHERS)
        statement.parameters.take(body[4:])
    return statement


def _behind_name(body: bytes, begin: int) -> int:
    """Where what follows the name begins that begins there."""
    behind = behind_zero(body, begin, len(body))
    if not behind:  # what cannot be read cannot be audited
        raise ClientProtocolError("a statement's or portal's name has no end", Reason.OVERSIZED)
    return behind


def name_in(body: bytes, begin: int, behind: int) -> bytes:
    """The name there, as far as upstream looks at it."""
    return cut(body, begin, min(behind - 1, begin + _NAME_BYTES))
