"""What a server's own log says that a session did: another witness beside the audit."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "logging_collector": "on",
        "log_destination": "jsonlog",
        "log_filename": "server.log",
        "log_min_duration_statement": "0",
        "log_min_error_statement": "error",
        "log_disconnections": "on",
    }
)
FILE = Path("log", "server.json")
_DONE = re.compile(
    r"duration: \S+ ms  (statement|execute fetch from|execute|fastpath function call)\b[^:]*: (.*)",
    re.DOTALL,
)


@dataclass(slots=True)
class Witness:
    """How often each statement ran: as a query, for the first time of a portal, and for another
    time; which failed; and the SQLSTATEs of all errors. `over`: the session has ended."""

    queries: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    more_runs: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    killed: bool = False
    over: bool = False


def witness(log: str, process: int) -> Witness:
    """Read what a log says of one server process."""
    found = Witness()
    for entry in map(json.loads, log.splitlines()):
        if entry["pid"] != process:
            continue
        if entry["error_severity"] == "LOG":
            _note(found, entry["message"])
        elif entry["error_severity"] in ("ERROR", "FATAL"):
            found.errors[entry["state_code"]] += 1
            found.failed[entry.get("statement", "")] += 1
            found.killed |= entry["error_severity"] == "FATAL"
    return found


def _note(found: Witness, message: str) -> None:
    found.over |= message.startswith("disconnection")
    match (done := _DONE.match(message)) and done.groups():
        case ("statement", str(text)):
            found.queries[text] += 1
        case ("execute", str(text)):
            found.runs[text] += 1
        case ("execute fetch from", str(text)):
            found.more_runs[text] += 1
        case ("fastpath function call", _):
            found.calls += 1
