"""What a session has prepared, bound and begun to run, by its names."""

from protocols.postgres.names import Names
from protocols.postgres.reports import Reports
from protocols.postgres.requests import Request
from protocols.postgres.statements import Statement, read_types

_MAX_SUSPENDED = 10_000


class Runs:
    """A portal's run is one event, however many Executes it takes, and however it ends."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports
        self._statements = Names()
        self._portals = Names()
        self._suspended: dict[bytes, Request] = {}

    def prepare(self, parse: Request) -> None:
        self.name(parse.name, parse.statement)

    def name(self, name: bytes, statement: Statement) -> None:
        """A statement is prepared."""
        self._statements.put(name, statement)

    def describe(self, name: bytes, types: bytes) -> None:
        """Upstream has said of what types a statement's parameters are."""
        if name in self._statements:
            statement = self._statements.get(name).described(read_types(types))
            self._statements.put(name, statement)

    def find_source(self, bind: Request) -> None:
        bind.statement = self._statements.get(bind.source).bound(bind.parameters)

    def bind(self, bind: Request) -> None:
        if self._suspended:
            self._end(bind.name)
        self.find_source(bind)
        self._portals.put(bind.name, bind.statement)

    def run(self, source: bytes, goes_on: bool) -> Statement:
        """What the unnamed portal ran that was bound to this statement; the portal is there yet
        where the transaction `goes_on`."""
        statement = self._statements.get(source)
        if goes_on:
            self._portals.put(b"", statement)
        return statement

    def close(self, target: bytes) -> None:
        """S or P, and a name behind it."""
        kind, name = target[:1], target[1:]
        if kind == b"S":
            self._statements.drop(name)
        else:
            self._portals.drop(name)
            self._end(name)

    @property
    def none_suspended(self) -> bool:
        return not self._suspended

    def resume(self, execute: Request) -> None:
        """Find what an Execute runs, and count in what it ran before it was suspended."""
        execute.statement = self._portals.get(execute.name)
        if self._suspended and (begun := self._suspended.pop(execute.name, None)):
            execute.started = begun.started
            execute.rows += begun.rows

    def suspend(self, execute: Request) -> None:
        """The next Execute of the portal goes on with this one's run."""
        self.resume(execute)
        execute.rows += execute.row_limit
        self._suspended[execute.name] = execute
        if len(self._suspended) > _MAX_SUSPENDED:  # the one that waits longest is told as it is
            self._end(next(iter(self._suspended)))

    def end_transaction(self, state: str | None) -> None:
        """Portals end with it."""
        self._portals.clear()
        if self._suspended:
            self._end(*self._suspended, transaction=state)

    def abandon(self) -> None:
        """Report what was suspended and will not be gone on with."""
        for begun in self._suspended.values():
            self._reports.query(begun, None, finished=False)
        self._suspended.clear()

    def _end(self, *names: bytes, transaction: str | None = None) -> None:
        for name in names:
            if begun := self._suspended.pop(name, None):
                self._reports.query(begun, transaction)
