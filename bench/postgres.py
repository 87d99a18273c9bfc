"""The PostgreSQL that is behind all proxies, and PostgreSQL's own programs, which ask it."""

import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import clients
from bench.peers import Peer
from bench.plan import Notes
from bench.recipes import ACCOUNT, PASSWORD, Upstream
from bench.rounds import Done, number, percentile
from proxy.demo.postgres import EmbeddedPostgres, bundled

TRUST = ("local all all trust", "host all all 127.0.0.1/32 trust")
BY_SCRAM = ("host all all 127.0.0.1/32 scram-sha-256",)

_SCALE = 10
_SAMPLED = 0.2  # of the transactions, whose latency pgbench notes
_MOST = 400  # connections


@dataclass(frozen=True, slots=True)
class Database:
    """A running server, as proxies are told of it, and what asks it."""

    server: EmbeddedPostgres
    upstream: Upstream
    programs: "Programs"


@contextmanager
def database(  # noqa: PLR0913
    folder: Path,
    notes: Notes,
    *,
    hba: Sequence[str] = TRUST,
    rows: bool = True,
    version: int = 16,
    files: Mapping[str, str] | None = None,
) -> Iterator[Database]:
    """One with an account and a database of its own, and pgbench's tables in it if asked for."""
    binaries = bundled()[version]
    settings = {"max_connections": str(_MOST)}
    with EmbeddedPostgres(binaries, hba=hba, settings=settings, files=files or {}) as server:
        server.execute(
            f"CREATE ROLE {ACCOUNT} LOGIN PASSWORD '{PASSWORD}';"
            f"CREATE DATABASE {ACCOUNT} OWNER {ACCOUNT}"
        )
        notes.programs["postgres"] = server.execute("SHOW server_version").strip()
        upstream = Upstream(
            kind="postgres",
            port=server.port,
            sockets=server.socket_directory,
            password=hba is BY_SCRAM,
        )
        programs = Programs(binaries, folder)
        if rows:
            programs.fill(Peer("direct", server.port))
        yield Database(server, upstream, programs)


class Programs:
    """pgbench and psql, with a folder for pgbench's logs."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self._logs = folder / "pgbench"
        self._logs.mkdir(exist_ok=True)

    def fill(self, peer: Peer) -> None:
        """Make pgbench's tables."""
        self._pgbench(peer, "-i", "-q", "-s", str(_SCALE))

    def ask(self, work: Sequence[str], peer: Peer) -> Done:
        """How fast pgbench was, and the latency of some of what it asked."""
        told = self._pgbench(peer, *work, "-l", f"--sampling-rate={_SAMPLED}")
        noted = self._latencies()
        return Done(
            count=number(r"actually processed: (\d+)", told),
            speed=number(r"tps = ([\d.]+)", told),
            p50=percentile(noted, 50) if noted else None,
            p99=percentile(noted, 99) if noted else None,
        )

    def connect(self, work: Sequence[str], peer: Peer) -> Done:
        """How fast it was with a connection for each transaction."""
        told = self._pgbench(peer, *work, "-C")
        return Done(number(r"actually processed: (\d+)", told), number(r"tps = ([\d.]+)", told))

    def copy(self, sql: str, source: Path, peer: Peer) -> float:
        """The seconds that psql took for it; what comes back goes nowhere."""
        begun = time.perf_counter()
        with source.open("rb") as given:
            arguments = ("-X", "-q", "-c", sql)
            self._run("psql", peer, arguments, stdin=given, stdout=subprocess.DEVNULL)
        return time.perf_counter() - begun

    def _pgbench(self, peer: Peer, *arguments: str) -> str:
        return self._run("pgbench", peer, arguments)

    def _run(self, program: str, peer: Peer, arguments: Sequence[str], **options: Any) -> str:
        """With the password that the account has where the way asks for one."""
        place = ("-h", peer.host, "-p", str(peer.port), "-U", ACCOUNT)
        command = [str(self._binaries / program), *place, *arguments, ACCOUNT]
        variables = {"PGSSLMODE": peer.sslmode, "PGGSSENCMODE": "disable", "PGPASSWORD": PASSWORD}
        return clients.run(command, peer, variables, cwd=self._logs, **options)

    def _latencies(self) -> list[float]:
        """What was noted of the last run, in ms and sorted; and the notes are thrown away."""
        noted: list[float] = []
        for log in self._logs.iterdir():
            noted += [int(line.split()[2]) / 1000 for line in log.read_text().splitlines()]
            log.unlink()
        return sorted(noted)
