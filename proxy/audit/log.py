"""The audit log: JSON lines, hash-chained, written in batches and never lost in silence.

If a line cannot be written the log is broken, says so to its owner, who ends the sessions, and
refuses every further event until writing works again.
"""

import asyncio
import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import orjson

from protocols.api import Event
from protocols.errors import Reason, Refusal
from proxy.audit import chain

_log = logging.getLogger("keyless.audit")
_FLUSH_AFTER = 0.02  # seconds that an event may wait for others to be written with it
_FLUSH_AT = 65_536  # bytes


def context(**fields: str) -> bytes:
    """The JSON fields that every event of a session has."""
    return orjson.dumps(fields)[1:-1]


class AuditLog:
    """One process's audit. `on_failure` is called when the log cannot be written."""

    def __init__(self, target: str, folder: Path) -> None:
        self.on_failure: Callable[[Refusal], None] = lambda refusal: None
        self._name = "standard output" if target == "-" else str(folder / target)
        self._previous = chain.BEGINNING if target == "-" else chain.last_digest(folder / target)
        self._file = 1 if target == "-" else _open(folder / target)
        self._unwritten = bytearray()
        self._timer: asyncio.TimerHandle | None = None
        self._broken: Refusal | None = None
        self._second = 0
        self._date = b""

    def record(self, event: Event, context: bytes) -> None:
        """Take an event up, `context` being JSON fields of it. Raises Refusal while broken."""
        if self._broken is not None:
            self.flush()
        line = self._line(event, context)
        self._previous = chain.digest(line)
        self._unwritten += line + b"\n"
        if len(self._unwritten) >= _FLUSH_AT:
            self.flush()
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_FLUSH_AFTER, self._flush_in_time)

    def flush(self) -> None:
        """Write what waits. Raises Refusal where that fails; what is left goes on waiting."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        try:
            while self._unwritten:
                del self._unwritten[: os.write(self._file, self._unwritten)]
        except OSError as error:
            raise self._fail(error) from None
        self._broken = None

    def close(self) -> None:
        """Write what waits, as far as that is possible."""
        try:
            self.flush()
        except Refusal as refusal:
            _log.error("%s; the last events are lost", refusal.detail)
        if self._file != 1:
            os.close(self._file)

    def _line(self, event: Event, context: bytes) -> bytes:
        return b'{"time":"%b","event":"%b",%b,%b,"prev":"%b"}' % (
            self._now(),
            event.name.encode(),
            context,
            _fields(event),
            self._previous.encode(),
        )

    def _now(self) -> bytes:
        """UTC to the millisecond; all but the milliseconds is the same for a second."""
        nanoseconds = time.time_ns()
        second = nanoseconds // 1_000_000_000
        if second != self._second:
            self._second = second
            self._date = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()
        return b"%b.%03dZ" % (self._date, nanoseconds // 1_000_000 % 1000)

    def _flush_in_time(self) -> None:
        self._timer = None
        try:
            self.flush()
        except Refusal as refusal:
            self.on_failure(refusal)

    def _fail(self, error: OSError) -> Refusal:
        detail = f"the audit log {self._name} cannot be written: {error.strerror}"
        if self._broken is None:
            _log.error("%s; sessions are refused until it can", detail)
        sentence = "the proxy cannot write its audit log, so it serves nobody; tell its operator"
        self._broken = Refusal(Reason.AUDIT_UNWRITABLE, sentence, detail=detail)
        return self._broken


def _fields(event: Event) -> bytes:
    try:
        return orjson.dumps(event)[1:-1]
    except TypeError:  # a name that is not UTF-8, which only Python's own encoder can tell of
        return json.dumps(asdict(event)).encode()[1:-1]  # type: ignore[call-overload]


def _open(path: Path) -> int:
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if not _ends_with_newline(path):  # an earlier run was cut off in the middle of a line
        os.write(file, b"\n")
    return file


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
