"""The texts of a session's statements, and which of them are prepared, within bounds.

A client may prepare without end and run none of it, so a session's audit keeps the newest
statements in mind, and whole texts only while there is room for them.
"""

from hashlib import sha256

from protocols.mysql.packets import text
from protocols.mysql.redaction import redact, says_secret

LONGEST = 65_536
"""Bytes of a statement that are told."""

LAST = 0xFFFF_FFFF
"""MariaDB's id of the statement prepared last, for clients that do not wait to hear its own."""

LONGEST_VALUE = 1_024
"""Bytes of a parameter's value that are told."""

MOST_TEXT = 4 << 20
"""Bytes or characters that a session's audit keeps of each kind."""

_LONGEST, _MOST_TEXT = LONGEST, MOST_TEXT
_SHORT_TEXT = 1_000  # of a statement where there is no room for more
_MOST_PREPARED = 10_000
_ROOM_OF_VALUE = 100  # bytes that even an empty one takes


class Statement:
    """A statement's text as it is told: redacted, and cut where it is long.

    `size` is its true size in bytes. One that is cut has a `digest`, the SHA-256 of all of it,
    unless it was redacted: who knows the rest could try passwords on that.
    """

    __slots__ = ("digest", "size", "text")

    def __init__(self, text: str = "", size: int = 0) -> None:
        self.text = text
        self.size = size
        self.digest: str | None = None

    def fit(self, beside: int) -> None:
        """Cut it where there is no room for it beside so many characters."""
        if beside + len(self.text) > _MOST_TEXT:
            self.text = self.text[:_SHORT_TEXT]


UNKNOWN = Statement()  # of a command that has none


def read_statement(sql: bytes, quoting: str) -> Statement:
    """A statement of which this is all, or the beginning."""
    begun = sql if len(sql) <= _LONGEST else sql[:_LONGEST]
    told = text(begun)
    if says_secret(told):
        told = text(redact(begun, quoting))
    statement = Statement.__new__(Statement)
    statement.text, statement.size, statement.digest = told, len(sql), None
    return statement


class LongStatement:
    """Follows a statement that is longer than what is told of it, to its end."""

    def __init__(self, statement: Statement, begun: bytes) -> None:
        self._statement = statement
        self._sha256 = sha256(begun)
        self._redacted = statement.text != text(begun[:LONGEST])

    def more(self, piece: memoryview | bytes) -> None:
        self._statement.size += len(piece)
        self._sha256.update(piece)

    def end(self) -> None:
        if self._statement.size > LONGEST and not self._redacted:
            self._statement.digest = self._sha256.hexdigest()


class Prepared:
    """A statement that upstream was asked to prepare; how many `parameters` it has is its answer.

    `types` of parameters are what an execution said, and hold for the next; `long_data` is what was
    sent ahead of an execution, by the parameter's number; `incomplete` where some of that is gone,
    and `known` once upstream has told the statement's number.
    """

    __slots__ = ("incomplete", "known", "long_data", "parameters", "statement", "types")

    def __init__(
        self, statement: Statement = UNKNOWN, parameters: int | None = None, types: bytes = b""
    ) -> None:
        self.statement = statement
        self.parameters = parameters
        self.types = types
        self.long_data: dict[int, bytes] = {}
        self.incomplete = False
        self.known = False


class PreparedStatements:
    """What a session has prepared, by upstream's ids; of others nothing is known."""

    def __init__(self) -> None:
        self.last = Prepared()
        self._prepared: dict[int, Prepared] = {}
        self._text = 0
        self._long_data = 0

    def ask(self, prepared: Prepared) -> None:
        """Upstream is asked to prepare it; what was said of the last one may never be executed."""
        if not self.last.known:
            self._forget_long_data(self.last)
        self.last = prepared

    def put(self, number: int, prepared: Prepared) -> None:
        self.drop(number)
        if len(self._prepared) == _MOST_PREPARED:
            self.drop(next(iter(self._prepared)))
        prepared.statement.fit(self._text)
        self._text += len(prepared.statement.text)
        self._prepared[number] = prepared
        prepared.known = True
        if prepared.incomplete:
            prepared.parameters = None

    def get(self, number: int) -> Prepared | None:
        return self.last if number == LAST else self._prepared.get(number)

    def drop(self, number: int) -> None:
        if dropped := self._prepared.pop(number, None):
            self._text -= len(dropped.statement.text)
            dropped.known = False
            self.take_long_data(dropped)

    def clear(self) -> None:
        """Forget all but the last one, which may be younger than what made upstream forget."""
        for number in tuple(self._prepared):
            self.drop(number)
        self._forget_long_data(self.last)

    def keep_long_data(self, number: int, parameter: int, data: bytes) -> None:
        """Keep the beginning of a value for the next execution. Where there is no room for it, the
        statement's parameters are known no more."""
        if (prepared := self.get(number)) is None:
            return
        begun = prepared.long_data.get(parameter)
        kept = ((begun or b"") + data)[:LONGEST_VALUE]
        more = len(kept) + _ROOM_OF_VALUE if begun is None else len(kept) - len(begun)
        if self._long_data + more > MOST_TEXT:
            prepared.parameters = None
        else:
            self._long_data += more
            prepared.long_data[parameter] = kept

    def _forget_long_data(self, prepared: Prepared) -> None:
        if self.take_long_data(prepared):
            prepared.incomplete, prepared.parameters = True, None

    def take_long_data(self, prepared: Prepared | None) -> dict[int, bytes]:
        """What was sent ahead of the execution that comes now."""
        if prepared is None:
            return {}
        taken, prepared.long_data = prepared.long_data, {}
        self._long_data -= sum(_ROOM_OF_VALUE + len(data) for data in taken.values())
        return taken
