"""A role's listener: takes connections and makes sessions of them."""

import asyncio
import errno
import logging
import os
import socket
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from protocols.api import Endpoint, TcpEndpoint, UnixEndpoint
from proxy.dial import tune

_log = logging.getLogger("keyless.listener")
_BACKLOG = 1024
_PAUSE = 0.1  # seconds, where the system has no file descriptor left


class ListenError(Exception):
    """A listener could not be opened; the text says which, why and what to do."""


class Listener:
    """One listening socket. `accepted` is handed every connection, non-blocking."""

    def __init__(self, endpoint: Endpoint, accepted: Callable[[socket.socket], object]) -> None:
        self._accepted = accepted
        self._path = endpoint.path if isinstance(endpoint, UnixEndpoint) else None
        try:
            self._socket = _open(endpoint)
        except OSError as error:
            raise ListenError(_explain(endpoint, error)) from None
        self._inode = os.stat(self._path).st_ino if self._path else 0
        self.endpoint = self._actual(endpoint)
        self._task = asyncio.create_task(self._accept())
        self._task.add_done_callback(lambda _: self._socket.close())

    def close(self) -> None:
        """Take no more connections; those that were taken go on."""
        self._task.cancel()
        if self._path is not None:
            with suppress(OSError):
                if os.stat(self._path).st_ino == self._inode:  # another proxy may have taken over
                    os.unlink(self._path)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        failing = False
        while True:
            try:
                connection, _ = await loop.sock_accept(self._socket)
            except OSError as error:
                if not failing:
                    _log.warning("%s: no connection taken: %s", self.endpoint, error.strerror)
                failing = True
                await asyncio.sleep(_PAUSE)
            else:
                failing = False
                with suppress(OSError):  # of a client that is gone already, as its session will see
                    tune(connection)
                self._accepted(connection)

    def _actual(self, endpoint: Endpoint) -> Endpoint:
        """With the port that the kernel chose, where the file says 0."""
        if isinstance(endpoint, UnixEndpoint):
            return endpoint
        return TcpEndpoint(endpoint.host, self._socket.getsockname()[1])


def _open(endpoint: Endpoint) -> socket.socket:
    if isinstance(endpoint, UnixEndpoint):
        return _open_unix(endpoint.path)
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((endpoint.host, endpoint.port))
        return _listen(listening)
    except OSError:
        listening.close()
        raise


def _open_unix(path: str) -> socket.socket:
    """As open to this machine's users as loopback is; a role's `allow` and the folder say more."""
    Path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    _remove_stale(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(path)
        os.chmod(path, 0o777)  # noqa: S103
        return _listen(listening)
    except OSError:
        listening.close()
        raise


def _listen(listening: socket.socket) -> socket.socket:
    listening.listen(_BACKLOG)
    listening.setblocking(False)
    return listening


def _remove_stale(path: str) -> None:
    """A killed proxy leaves its socket behind; one that answers is somebody's."""
    if not os.path.exists(path) or not stat.S_ISSOCK(os.stat(path).st_mode):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)


def _explain(endpoint: Endpoint, error: OSError) -> str:
    advice = {
        errno.EADDRINUSE: "something else listens there: stop it, or change `listen`",
        errno.EACCES: "not permitted: choose a port above 1023, or a path this user may write to",
        errno.EADDRNOTAVAIL: "this machine does not have that address: change `listen`",
    }.get(error.errno or 0, error.strerror)
    return f"cannot listen on {endpoint}: {advice}"
