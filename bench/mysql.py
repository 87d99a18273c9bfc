"""The MySQL or MariaDB that is behind all proxies, and its clients, which ask it."""

import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import clients
from bench.peers import Peer
from bench.plan import Notes
from bench.recipes import ACCOUNT, PASSWORD, Upstream
from bench.rounds import Done, number
from tests.servers.authority import Authority
from tests.servers.debian import ENVIRONMENT
from tests.servers.mysql_flavours import FLAVOURS, PLUGINS
from tests.servers.mysqld import MysqlServer

_BUCKET = re.compile(r"^ +([\d.]+) \|\**\s+(\d+)$", re.M)  # of latencies: ms, and how many


@dataclass(frozen=True, slots=True)
class Database:
    """A running server, as proxies are told of it."""

    server: MysqlServer
    upstream: Upstream

    def client(self, program: str, peer: Peer, *arguments: str) -> float:
        """The seconds that one of the server's own clients took; what it prints goes nowhere."""
        command = self.server.flavour.debian.command(
            program, "--no-defaults", *_place(peer, ""), "--protocol=tcp", *arguments
        )
        begun = time.perf_counter()
        clients.run(command, peer, ENVIRONMENT, stdout=subprocess.DEVNULL)
        return time.perf_counter() - begun


@contextmanager
def database(name: str, folder: Path, notes: Notes) -> Iterator[Database]:
    """A server with one account, and an empty database that is its own."""
    authority = Authority(folder)
    certificate = authority.issue("server", "localhost", "127.0.0.1")
    flavour = FLAVOURS[name]()
    with MysqlServer(flavour, certificate=certificate, clients=authority.pem) as server:
        server.create_user(ACCOUNT, PLUGINS[name][0], password=PASSWORD)
        server.execute(f"CREATE DATABASE {ACCOUNT}")
        server.execute(f"GRANT ALL ON {ACCOUNT}.* TO '{ACCOUNT}'@'%'")
        notes.programs[name] = server.execute("SELECT version()")[0][0]
        yield Database(server, Upstream(kind="mysql", port=server.port, password=True))


def sysbench(options: Sequence[str], peer: Peer) -> Done:
    """How fast it was, and what a transaction took."""
    told = sysbench_says(peer, "--histogram", *options)
    buckets = latencies(told)
    return Done(
        count=number(r"transactions: +(\d+)", told),
        speed=number(r"transactions: +\d+ +\(([\d.]+) per", told),
        p50=within(buckets, 50),
        p99=within(buckets, 99),
    )


def latencies(told: str) -> list[tuple[float, int]]:
    """How many transactions took how many ms, by sysbench's histogram."""
    return [(float(ms), int(count)) for ms, count in _BUCKET.findall(told)]


def within(buckets: Sequence[tuple[float, int]], hundredth: int) -> float:
    """What so many of a hundred did not take longer than; `buckets` are sorted."""
    left = sum(count for _, count in buckets) * hundredth / 100
    for upper, count in buckets:
        left -= count
        if left <= 0:
            return upper
    raise AssertionError("there are no latencies")


def sysbench_says(peer: Peer, *options: str) -> str:
    command = ["sysbench", "--db-driver=mysql", "--db-ps-mode=disable"]
    command += [*_place(peer, "mysql-"), f"--mysql-db={ACCOUNT}", *options]
    return clients.run(command, peer, ENVIRONMENT)


def _place(peer: Peer, prefix: str) -> list[str]:
    """Where and who, as options."""
    told = {"host": peer.host, "port": peer.port, "user": ACCOUNT, "password": PASSWORD}
    return [f"--{prefix}{name}={value}" for name, value in told.items()]
