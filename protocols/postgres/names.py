"""What a session's names stand for: prepared statements and portals, within bounds.

A client may prepare without end and run none of it, so a session's audit keeps the newest names in
mind, and whole texts only while there is room for them.
"""

from protocols.postgres.statements import UNKNOWN, Statement

_MAX_NAMES = 10_000
ROOM = 4 << 20  # bytes
_MAX_USED = 4 * ROOM
_SHORT_TEXT = 1_000  # bytes of a statement where there is no room for more


def fit(statement: Statement, used: int) -> Statement:
    """The statement where there is room for it beside what is `used`, else its beginning."""
    return statement if used + statement.weight <= ROOM else statement.shortened(_SHORT_TEXT)


class Names:
    """Statements by name; a name that is not known stands for `UNKNOWN`."""

    def __init__(self) -> None:
        self._statements: dict[bytes, Statement] = {}
        self._used = 0

    def put(self, name: bytes, statement: Statement) -> None:
        self.drop(name)
        self._statements[name] = kept = fit(statement, self._used)
        self._used += kept.weight
        while len(self._statements) > _MAX_NAMES or self._used > _MAX_USED:
            self.drop(next(iter(self._statements)))

    def get(self, name: bytes) -> Statement:
        return self._statements.get(name, UNKNOWN)

    def drop(self, name: bytes) -> None:
        if dropped := self._statements.pop(name, None):
            self._used -= dropped.weight

    def clear(self) -> None:
        self._statements.clear()
        self._used = 0

    def __contains__(self, name: bytes) -> bool:
        return name in self._statements
