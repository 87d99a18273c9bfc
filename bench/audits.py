"""Whether Keyless's audit tells exactly what a client has just done."""

import json
import time
from pathlib import Path
from typing import Any

from bench.peers import Peer

_PATIENCE = 5.0


class Tail:
    """What is written from now on; of a peer that has no audit, nothing."""

    def __init__(self, peer: Peer) -> None:
        self._file = peer.audit
        self._begin = peer.audit.stat().st_size if peer.audit else 0

    def wrong(self, event: str, **expected: int) -> str:
        """A sentence, if no event of this name comes to have these fields."""
        if self._file is None:
            return ""
        deadline = time.monotonic() + _PATIENCE
        while True:
            told = [one for one in self._events(self._file) if one["event"] == event]
            if any(expected.items() <= one.items() for one in told):
                return ""
            if time.monotonic() > deadline:
                seen = [{name: one.get(name) for name in expected} for one in told[-3:]]
                return f"the audit has no {event} with {expected}, but {seen}"
            time.sleep(0.05)

    def _events(self, file: Path) -> list[dict[str, Any]]:
        with file.open("rb") as opened:
            opened.seek(self._begin)
            return [json.loads(line) for line in opened.read().rpartition(b"\n")[0].splitlines()]
