"""The proxy's own private key, by which SSH clients know it again after a restart."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex

from protocols.errors import Reason, Refusal


class OwnKey:
    """A file that nobody but its owner may read, made when it is asked for the first time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._key: bytes | None = None

    async def read(self, make: Callable[[], bytes]) -> bytes:
        """Raises Refusal where there is no key, and none can be kept."""
        if self._key is None:
            try:
                self._key = await asyncio.to_thread(self._read, make)
            except OSError as error:
                raise Refusal(
                    Reason.INTERNAL,
                    "the proxy has no host key; tell its operator",
                    detail=f"{self._path} cannot be read or made: {error.strerror}; "
                    "write another path as host_key under [ssh]",
                ) from None
        return self._key

    def _read(self, make: Callable[[], bytes]) -> bytes:
        if not self._path.exists():
            self._keep(make())
        return self._path.read_bytes()

    def _keep(self, key: bytes) -> None:
        """Whole or not at all; where another process was faster, its key is the one."""
        beside = self._path.with_name(f".{self._path.name}.{token_hex(4)}")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(key)
                os.fsync(file.fileno())
            os.link(beside, self._path)
        except FileExistsError:
            pass
        finally:
            os.unlink(beside)
