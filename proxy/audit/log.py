"""The audit log: JSON lines, hash-chained, written in batches and never lost in silence.

If a line cannot be written the log is broken, says so to its owner, who ends the sessions, and
refuses every further event until writing works again.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from time import time_ns

import orjson

from protocols.api import Emit, Event
from protocols.errors import Reason, Refusal
from proxy.audit.end import End
from proxy.audit.file import ChainedFile

_log = logging.getLogger("keyless.audit")
_FLUSH_AFTER = 0.02  # seconds that an event may wait for others to be written with it
_FLUSH_AT = 200  # events


def context(**fields: str | None) -> str:
    """The JSON fields that every event of a session has."""
    return orjson.dumps(fields)[1:-1].decode()


class AuditError(Exception):
    """The log cannot be opened; the text says why, and what to do."""


class AuditLog:
    """One process's audit. `on_failure` is called when the log cannot be written; `end` is what it
    knows of others' lines where they cannot be read back.

    Raises AuditError where the log cannot be opened.
    """

    def __init__(self, target: str, folder: Path, end: End | None = None) -> None:
        self.on_failure: Callable[[Refusal], None] = lambda refusal: None
        self._name = "standard output" if target == "-" else str(folder / target)
        try:
            self._file = ChainedFile(None if target == "-" else folder / target, end)
        except OSError as error:
            raise AuditError(
                f"the audit log {self._name} cannot be opened: {error.strerror}; "
                "write another path under [audit], or - for standard output"
            ) from None
        self._unwritten: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._broken: Refusal | None = None
        self._second = self._millisecond = 0
        self._date = self._time = ""

    def emitter(self, context: str) -> Emit:
        """Records events with these JSON fields."""
        return lambda event: self.record(event, context)

    def record(self, event: Event, context: str) -> None:
        """Take an event up, `context` being JSON fields of it. Raises Refusal while broken."""
        if self._broken is not None:
            self.flush()
        line = f'{{"time":"{self._now()}","event":"{event.name}",{context},{json_fields(event)}'
        self._unwritten.append(line.encode())
        if len(self._unwritten) >= _FLUSH_AT:
            self.flush()
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_FLUSH_AFTER, self._flush_in_time)

    def flush(self) -> None:
        """Write what waits. Raises Refusal where that fails; all of it goes on waiting then."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        try:
            if self._unwritten:
                self._file.append(self._unwritten)
        except OSError as error:
            raise self._fail(error) from None
        self._unwritten.clear()
        self._broken = None

    def close(self) -> None:
        """Write what waits, as far as that is possible."""
        try:
            self.flush()
        except Refusal as refusal:
            _log.error("%s; the last events are lost", refusal.detail)
        self._file.close()

    def _now(self) -> str:
        """UTC to the millisecond; many events share one, and all but it for a second."""
        millisecond = time_ns() // 1_000_000
        if millisecond != self._millisecond:
            self._millisecond = millisecond
            second = millisecond // 1000
            if second != self._second:
                self._second = second
                self._date = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            self._time = f"{self._date}.{millisecond % 1000:03d}Z"
        return self._time

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


def json_fields(event: Event) -> str:
    """What an event tells, in JSON but for the braces."""
    if quick := getattr(event, "json_fields", None):
        fields: str = quick()
        return fields
    try:
        return orjson.dumps(event)[1:-1].decode()
    except TypeError:  # a name that is not UTF-8, which only Python's own encoder can tell of
        return json.dumps(asdict(event))[1:-1]  # type: ignore[call-overload]
