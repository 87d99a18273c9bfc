"""sysbench's transactions on MySQL or MariaDB through every peer, in interleaved rounds:
`python -m bench.transactions --help`.
"""

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import click

from bench.peers import ACCOUNT, PASSWORD, Peer, running
from bench.rounds import Done, measure, number, tell
from tests.servers.authority import Authority
from tests.servers.mysql_flavours import FLAVOURS, PLUGINS
from tests.servers.mysqld import MysqlServer

_BASES = ("direct", "haproxy", "mysqlrouter")
_TABLES = ("--tables=2", "--table-size=10000")
_WORKS = ("oltp_point_select", "oltp_read_write")  # sysbench's names


@click.command()
@click.option(
    "--database",
    default="mysql",
    show_default=True,
    type=click.Choice(["mysql", "mariadb", "latest_mariadb"]),
)
@click.option("--rounds", default=5, show_default=True, help="Rounds, each through every peer.")
@click.option("--seconds", default=5, show_default=True, help="How long one peer runs in a round.")
@click.option(
    "--clients", default=(1, 8), multiple=True, show_default=True, help="Clients at once."
)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def main(database: str, rounds: int, seconds: int, clients: Sequence[int], as_json: bool) -> None:
    """Measure sysbench direct, through Keyless with its audit on, and through its peers."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="keyless-bench-")))
        server = stack.enter_context(_served(database, folder))
        _sysbench(server.port, *_TABLES, "oltp_common", "prepare")
        peers = stack.enter_context(running("mysql", server.port, folder))
        findings = []
        for work in _WORKS:
            for count in clients:
                options = (*_TABLES, f"--threads={count}", f"--time={seconds}", work, "run")
                title = f"{work}, {count} clients"
                findings += measure(title, partial(_run, options), peers, rounds, _BASES)
        tell(findings, _BASES, as_json=as_json)


@contextmanager
def _served(database: str, folder: Path) -> Iterator[MysqlServer]:
    """A server with one account, and an empty database that is its own."""
    authority = Authority(folder)
    certificate = authority.issue("server", "localhost", "127.0.0.1")
    flavour = FLAVOURS[database]()
    with MysqlServer(flavour, certificate=certificate, clients=authority.pem) as server:
        server.create_user(ACCOUNT, PLUGINS[database][0], password=PASSWORD)
        server.execute(f"CREATE DATABASE {ACCOUNT}")
        server.execute(f"GRANT ALL ON {ACCOUNT}.* TO '{ACCOUNT}'@'%'")
        yield server


def _run(options: Sequence[str], peer: Peer) -> Done:
    told = _sysbench(peer.port, "--percentile=99", *options)
    return Done(
        transactions=int(number(r"transactions: +(\d+)", told)),
        tps=number(r"transactions: +\d+ +\(([\d.]+) per", told),
        p99=number(r"99th percentile: +([\d.]+)", told),
    )


def _sysbench(port: int, *options: str) -> str:
    server = ("--mysql-host=127.0.0.1", f"--mysql-port={port}", f"--mysql-db={ACCOUNT}")
    account = (f"--mysql-user={ACCOUNT}", f"--mysql-password={PASSWORD}")
    command = ["sysbench", "--db-driver=mysql", "--db-ps-mode=disable", *server, *account, *options]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
