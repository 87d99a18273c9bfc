"""A real PgBouncer before a server: it lets everybody in as `trust_user`."""

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import pytest

from proxy.demo.postgres import EmbeddedPostgres
from proxy.demo.unprivileged import Account
from tests.servers.postgres import DATABASE
from tests.waiting import eventually

_PROGRAM = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")


class PgBouncer:
    """A context manager: inside, it listens on `port`."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        if _PROGRAM is None:
            missing = "pgbouncer is not installed"
            pytest.fail(missing) if "CI" in os.environ else pytest.skip(missing)
        self._server = server

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pgbouncer-")))
            with socket.create_server(("127.0.0.1", 0)) as listener:
                self.port: int = listener.getsockname()[1]
            (folder / "pgbouncer.ini").write_text(self._settings())
            account = Account.fit_for_servers()
            account.settle(folder)
            (folder / "pgbouncer.ini").chmod(0o644)
            self._process = subprocess.Popen(
                [_PROGRAM or "", "-q", "pgbouncer.ini"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                **account.options(folder),
            )
            stack.callback(self._stop)
            eventually(self._listens)
            self._cleanup = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    def _settings(self) -> str:
        upstream = f"host=127.0.0.1 port={self._server.port} dbname={DATABASE} user=trust_user"
        return (
            f"[databases]\n{DATABASE} = {upstream}\n[pgbouncer]\nauth_type = any\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
        )

    def _listens(self) -> bool:
        assert self._process.poll() is None, "pgbouncer did not start"
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def _stop(self) -> None:
        self._process.terminate()
        self._process.wait(15)
