"""A real `keyless serve` for the tests: what it is told, and what it says in its log and audit.

Its secrets come from `_envjson`, unless a test names another provider: `password` is the canary and
`wrong` is none that a server knows.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import psycopg

from proxy.demo.postgres import EmbeddedPostgres
from tests.secrecy import CANARY, canary
from tests.servers.postgres import DATABASE
from tests.waiting import PATIENCE, eventually

SECRET = "KEYLESS_TEST_SECRET_PG"  # the name of its variable
SECRETS = {SECRET: json.dumps({"password": CANARY, "wrong": canary("-wrong")})}
PASSWORD = f"_envjson:{SECRET}:password"
WRONG_PASSWORD = f"_envjson:{SECRET}:wrong"
COMMAND = str(Path(sys.executable).with_name("keyless"))
_ROLE_LINE = re.compile(r"keyless\.server: role (\S+) \(\w+\) on (\S+)\n")
_SHARED_LINE = re.compile(r"keyless\.server: (\w+) roles, by user name, on (\S+): ")
_LISTENER = re.compile(r'^(?:listen|postgres|mysql|ssh) = "', re.M)

Event = dict[str, Any]


def role(
    name: str,
    server: EmbeddedPostgres | int,
    *,
    kind: str = "postgres",
    listen: str | None = "127.0.0.1:0",
    settings: str = "",
    **variables: str | int | None,
) -> str:
    """A role's table: scram_user on `server` (or a port), with some variables changed or left out.

    `settings` are lines of the role itself.
    """
    port = server if isinstance(server, int) else server.port
    usual: dict[str, str | int | None] = {"HOST": "127.0.0.1", "PORT": port, "DB": DATABASE}
    usual |= {"USER": "scram_user", "PASS": PASSWORD}
    environment = {key: value for key, value in (usual | variables).items() if value is not None}
    lines = [f"[roles.{name}]", f'kind = "{kind}"', settings]
    lines += [f"listen = {json.dumps(listen)}"] if listen else []
    lines += [f"[roles.{name}.env]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in environment.items()]
    return "\n".join(lines) + "\n"


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a Keyless command of a test has in its environment: its secrets and not ours."""
    return {"PATH": os.environ["PATH"], **SECRETS, **(more or {})}


class Keyless:
    """A context manager: inside, the proxy runs. Its files are in `directory`."""

    def __init__(
        self, directory: Path, text: str, more_environment: Mapping[str, str] | None = None
    ) -> None:
        directory.mkdir()
        self.directory = directory
        self.config = directory / "keyless.toml"
        self.config.write_text(text)
        self._listeners = len(_LISTENER.findall(text))
        self._environment = environment(more_environment)
        self.places: dict[str, tuple[str, int]] = {}  # by role, or by kind if shared

    def __enter__(self) -> Self:
        with (self.directory / "keyless.log").open("ab") as log:
            self.process = subprocess.Popen(
                [COMMAND, "serve", "--config", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                cwd=self.directory,
            )
        try:
            self.places = eventually(self._find_listeners)
        except BaseException:
            self.stop(signal.SIGKILL)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it, or find it ended. Returns its exit code."""
        self.process.send_signal(how)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def _find_listeners(self) -> dict[str, tuple[str, int]]:
        assert self.process.poll() is None, f"keyless did not start: {self.log}"
        found = [*_ROLE_LINE.findall(self.log), *_SHARED_LINE.findall(self.log)]
        if len(found) < self._listeners:
            return {}
        return {name: _place(text) for name, text in found}

    def connect(self, role: str, **options: Any) -> psycopg.Connection[Any]:
        """As a client of the role, in plain and without a password unless `options` say more."""
        host, port = self.places[role]
        usual: dict[str, Any] = {"host": host, "port": port, "user": role, "sslmode": "disable"}
        usual |= {"gssencmode": "disable", "connect_timeout": 15, "passfile": "/nonexistent/pgpass"}
        return psycopg.connect(autocommit=True, **(usual | options))

    @property
    def log(self) -> str:
        return (self.directory / "keyless.log").read_text()

    @property
    def audit_path(self) -> Path:
        return self.directory / "audit.jsonl"

    def audit(self) -> "Audit":
        """The events from now on."""
        return Audit(self.audit_path)


class Audit:
    """The events that were written to a file since this was made."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begin = path.stat().st_size

    def events(self, name: str | None = None) -> list[Event]:
        with self._path.open("rb") as file:
            file.seek(self._begin)
            whole = file.read().rpartition(b"\n")[0]
        events = [json.loads(line) for line in whole.splitlines()]
        return [event for event in events if name in (None, event["event"])]

    def wait(self, name: str, count: int = 1, **fields: Any) -> list[Event]:
        """The first `count` events of this name with these fields, once they are written."""

        def found() -> list[Event]:
            matching = [event for event in self.events(name) if fields.items() <= event.items()]
            return matching[:count] if len(matching) >= count else []

        return eventually(found)

    def one(self, name: str, **fields: Any) -> Event:
        return self.wait(name, **fields)[0]


def _place(text: str) -> tuple[str, int]:
    """HOST and PORT, as clients want them: for a Unix socket its directory and number as libpq has
    them, or its path and 0."""
    if text.endswith(".sock"):
        return text.removeprefix("unix:"), 0
    if text.startswith("unix:"):
        host, _, port = text.removeprefix("unix:").rpartition("/.s.PGSQL.")
    else:
        host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)
