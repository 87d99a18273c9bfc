"""What a session's names stand for: prepared statements and portals, within bounds.

A client may prepare without end and run none of it, so a session's audit keeps the newest names in
mind, and whole texts only while there is room for them.
"""

from collections.abc import Iterator

from protocols.postgres.requests import UNKNOWN, Statement

_MAX_NAMES = 10_000
_MAX_TEXT = 4 << 20  # characters
_SHORT_TEXT = 1_000  # of a statement where there is no room for more


def fit(statement: Statement, text: int) -> Statement:
    """The statement where there is room for it beside `text` characters, else its beginning."""
    if text + len(statement.text) <= _MAX_TEXT:
        return statement
    return statement.cut(_SHORT_TEXT)


class Names:
    """Statements by name; a name that is not known stands for `UNKNOWN`."""

    def __init__(self) -> None:
        self._statements: dict[bytes, Statement] = {}
        self._text = 0

    def put(self, name: bytes, statement: Statement) -> None:
        self.drop(name)
        if len(self._statements) == _MAX_NAMES:
            self.drop(next(iter(self._statements)))
        self._statements[name] = kept = fit(statement, self._text)
        self._text += len(kept.text)

    def get(self, name: bytes) -> Statement:
        return self._statements.get(name, UNKNOWN)

    def drop(self, name: bytes) -> None:
        if dropped := self._statements.pop(name, None):
            self._text -= len(dropped.text)

    def __len__(self) -> int:
        return len(self._statements)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._statements)
