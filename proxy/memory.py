"""What took long to compute, kept for a while for those who show the same secret again.

No secret is kept, only what a key of this process alone makes of it, to tell whether it is the same
one. What is kept may be as good as the secret, so it is shown to nobody and dropped after an hour.
"""

import asyncio
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Any

Name = tuple[str, ...]

_SIZE = 1_000
_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class _Entry:
    proof: bytes = field(repr=False)
    value: Any = field(repr=False)
    end: asyncio.TimerHandle = field(repr=False)


class Memory:
    """One value for a name; of more than `size` names, those are forgotten that were not asked
    for the longest."""

    def __init__(self, size: int = _SIZE, seconds: float = _SECONDS) -> None:
        self._size = size
        self._seconds = seconds
        self._key = secrets.token_bytes(32)
        self._entries: dict[Name, _Entry] = {}

    def recall(self, name: Name, secret: str) -> Any:
        """The value that was remembered last with this name, if it was with this secret."""
        entry = self._entries.pop(name, None)
        if entry is None:
            return None
        self._entries[name] = entry  # the last one now
        return entry.value if hmac.compare_digest(entry.proof, self._proof(secret)) else None

    def remember(self, name: Name, secret: str, value: Any) -> None:
        """Instead of what there was; None is nothing at all."""
        self._forget(name)
        if value is None:
            return
        if len(self._entries) == self._size:
            self._forget(next(iter(self._entries)))
        end = asyncio.get_running_loop().call_later(self._seconds, self._forget, name)
        self._entries[name] = _Entry(self._proof(secret), value, end)

    def __len__(self) -> int:
        return len(self._entries)

    def _forget(self, name: Name) -> None:
        if entry := self._entries.pop(name, None):
            entry.end.cancel()

    def _proof(self, secret: str) -> bytes:
        return hmac.digest(self._key, secret.encode("utf-8", "surrogateescape"), "sha256")
