"""A real server of MySQL's family for the tests, in a private directory that goes away with it.

Its administrator comes in over the Unix socket in that directory and by no other way. SQL may hold
passwords, so it goes over that socket, and no error or log here repeats a statement.
"""

import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import pymysql
from pymysql.constants import CLIENT

from proxy.demo.unprivileged import Account
from tests.secrecy import CANARY
from tests.servers.authority import Issued
from tests.servers.debian import ENVIRONMENT
from tests.servers.mysql_flavours import Flavour

HOST = "127.0.0.1"
OTHER_HOST = "127.0.0.2"
"""Where the server listens too: no certificate says that it is there."""

_PATIENCE = 60.0
_NOTHING: Mapping[str, str] = MappingProxyType({})
# Nothing here is kept, so nothing waits for the disk. Names are not resolved, so an account at
# localhost is the Unix socket's alone.
_SETTINGS = {
    "bind-address": f"{HOST},{OTHER_HOST}",
    "skip-name-resolve": "ON",
    "local-infile": "ON",
    "secure-file-priv": "",
    "character-set-server": "utf8mb4",
    "innodb-buffer-pool-size": "64M",
    "innodb-doublewrite": "OFF",
    "innodb-flush-log-at-trx-commit": "0",
}


class MysqlServer:
    """A context manager: inside, the server runs on `port`; afterwards, no trace of it is left.

    `certificate` is the server's own, by the authority whose PEM is `clients`. `template` is the
    data directory of a server that was stopped: a copy takes the place of a new, empty one.
    """

    def __init__(
        self,
        flavour: Flavour,
        *,
        certificate: Issued,
        clients: str,
        settings: Mapping[str, str] = _NOTHING,
        template: Path | None = None,
    ) -> None:
        self.flavour = flavour
        self._files = {"server.crt": certificate.certificate, "server.key": certificate.key}
        self._files |= {"clients.crt": clients}
        self._more_settings = settings
        self._template = template
        self._process: subprocess.Popen[bytes] | None = None
        self._account = Account.fit_for_servers()
        self.port = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._log = stack.enter_context(tempfile.TemporaryFile())
            directory = tempfile.TemporaryDirectory(prefix="keyless-mysql-")
            self.directory = Path(stack.enter_context(directory))
            self.socket = self.directory / "mysql.sock"
            self.data = self.directory / "data"
            stack.callback(self.kill)
            self._create()
            self._start_on_a_free_port()
            self._cleanup = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    def execute(self, sql: str, *values: object, database: str | None = None) -> list[Any]:
        """Run statements as the administrator; the rows of the last one."""
        with closing(self._connect(database)) as connection, connection.cursor() as cursor:
            cursor.execute(sql, values or None)
            rows = cursor.fetchall()
            while cursor.nextset():
                rows = cursor.fetchall()
            return list(rows)

    def create_user(
        self, name: str, plugin: str, *, password: str = CANARY, require: str = "NONE"
    ) -> None:
        """An account that logs in from everywhere by this plugin and may do nothing yet."""
        identified = self.flavour.identified.format(plugin=plugin)
        self.execute(f"CREATE USER '{name}'@'%%' {identified} REQUIRE {require}", password)

    def set_password(self, name: str, password: str) -> None:
        """Rotate an account's password; its plugin stays."""
        self.execute(f"SET PASSWORD FOR '{name}'@'%%' = {self.flavour.password}", password)

    def start(self) -> None:
        """Start again after `stop()`, on the same port and the same data."""
        self._process = subprocess.Popen(
            self._command(self.flavour.daemon, "--no-defaults", f"--port={self.port}"),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,  # the terminal's Ctrl-C is ours to pass on
            env=ENVIRONMENT,
            cwd=self.directory,
        )
        self._await_ready(self._process)

    def stop(self) -> None:
        """End the server in good order."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_PATIENCE)
            self._process = None

    def kill(self) -> None:
        """End the server as if the power had failed."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def public_key(self) -> str:
        """What MySQL's clients encrypt a password with where there is no TLS, as PEM. The file ends
        with a NUL."""
        return (self.data / "public_key.pem").read_text().removesuffix("\0")

    @property
    def log(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def _create(self) -> None:
        self._account.settle(self.directory)
        for name, text in self._files.items():
            self._account.run(["tee", "--", self.directory / name], self.directory, text)
        if self._template is not None:
            self._account.run(["cp", "-R", "--", self._template, self.data], self.directory)
            return
        subprocess.run(
            self._command(*self.flavour.create),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            timeout=_PATIENCE,
            check=True,
            env=ENVIRONMENT,
            cwd=self.directory,
        )

    def _command(self, *words: str) -> list[str]:
        settings = _SETTINGS | dict(self.flavour.settings) | dict(self._more_settings)
        settings |= {"datadir": str(self.data), "socket": str(self.socket)}
        for name, file in zip(("ssl-cert", "ssl-key", "ssl-ca"), self._files, strict=True):
            settings[name] = str(self.directory / file)
        options = [f"--{name}={value}" for name, value in settings.items()]
        return self.flavour.debian.unprivileged(*words, *options)

    def _start_on_a_free_port(self, attempts: int = 3) -> None:
        """Between our choice of a port and the server's use of it, somebody else may take it."""
        with socket.create_server((HOST, 0)) as listener:
            self.port = listener.getsockname()[1]
        try:
            self.start()
        except AssertionError:
            if attempts == 1 or "Address already in use" not in self.log:
                raise
            self._start_on_a_free_port(attempts - 1)

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while True:
            assert process.poll() is None, f"{self.flavour.daemon} ended: {self.log[-2000:]}"
            assert time.monotonic() < deadline, f"{self.flavour.daemon} is not ready"
            try:
                self._connect(None).close()
            except pymysql.err.OperationalError:
                time.sleep(0.05)
            else:
                return

    def _connect(self, database: str | None) -> "pymysql.Connection[Any]":
        return pymysql.connect(
            unix_socket=str(self.socket),
            user=self.flavour.administrator,
            database=database,
            autocommit=True,
            client_flag=CLIENT.MULTI_STATEMENTS,
        )
