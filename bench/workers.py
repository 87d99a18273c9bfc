"""Keyless with one worker beside Keyless with several, the same work in interleaved rounds:
`python -m bench.workers --help`.

A second worker helps where the proxy is what is short, and not the clients' and the server's share
of the cores. On two cores that is TLS on both legs, and statements that come in pipelines.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import click

from bench import markdown
from bench.ports import await_port, free_port
from proxy.demo.postgres import EmbeddedPostgres
from tests.servers.authority import Authority

BINARIES = Path("/usr/lib/postgresql/15/bin")  # Debian's, for the wheel's have no TLS
_ACCOUNT = "bench"
_PATIENCE = 20.0
_PIPELINE = "\\startpipeline\n" + "SELECT 1;\n" * 200 + "\\endpipeline\n"
Proxy = tuple[int, int]  # its port and its process
_KEYLESS = """\
workers = {workers}
[audit]
path = "audit.jsonl"
[roles.bench]
kind = "postgres"
listen = "127.0.0.1:{port}"
[roles.bench.env]
HOST = "127.0.0.1"
PORT = {upstream}
USER = "bench"
DB = "bench"
SSLMODE = "{sslmode}"
REQUIRE_AUTH = "none"
"""


@dataclass(frozen=True, slots=True)
class Work:
    """What pgbench does, on legs with TLS or without."""

    arguments: tuple[str, ...]
    sslmode: str


_WORKS: Mapping[str, Work] = {
    "select": Work(("-S",), "disable"),
    "select, TLS": Work(("-S",), "require"),
    "pipelines, TLS": Work(("-M", "prepared", "-f", "pipeline.sql"), "require"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Medians: transactions a second by the number of workers, and ratios to those of one worker in
    the same round; `busy` is how much of a core the proxy had."""

    work: str
    workers: int
    tps: float
    ratio: float
    busy: float


@click.command()
@click.option("--workers", default=(1, 2), multiple=True, show_default=True, help="1 among them.")
@click.option("--clients", default=(8, 32), multiple=True, show_default=True)
@click.option("--rounds", default=5, show_default=True)
@click.option("--seconds", default=4, show_default=True, help="How long one runs in a round.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def main(
    workers: Sequence[int], clients: Sequence[int], rounds: int, seconds: int, as_json: bool
) -> None:
    """Measure pgbench through one worker and through several."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="keyless-bench-")))
        (folder / "pipeline.sql").write_text(_PIPELINE)
        server = stack.enter_context(_served(folder))
        _pgbench(folder, server.port, "disable", "-i", "-q", "-s", "10")
        findings = []
        for name, work in _WORKS.items():
            with ExitStack() as proxies:
                started = {
                    count: proxies.enter_context(keyless(folder, server.port, count, work.sslmode))
                    for count in workers
                }
                for count in clients:
                    options = (*work.arguments, "-c", str(count), "-T", str(seconds))
                    title = f"{name}, {count} clients"
                    run = partial(_sample, folder, work.sslmode, options)
                    findings += _measure(title, run, started, rounds)
    if as_json:
        click.echo(json.dumps([asdict(found) for found in findings]))
        return
    headings = ["work", "workers", "tps", "of one", "proxy's cores"]
    rows = (
        [f.work, str(f.workers), f"{f.tps:.0f}", f"{f.ratio:.2f}", f"{f.busy:.2f}"]
        for f in findings
    )
    click.echo("\n".join(markdown.table(headings, rows)))
    click.echo(f"\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


def _measure(
    title: str,
    run: Callable[[Proxy], tuple[float, float]],
    started: Mapping[int, Proxy],
    rounds: int,
) -> list[Finding]:
    seen: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for _ in range(rounds):
        for count, proxy in started.items():
            seen[count].append(run(proxy))
    ones = [tps for tps, _ in seen[1]]
    return [
        Finding(
            title,
            count,
            statistics.median(tps for tps, _ in samples),
            statistics.median(tps / one for (tps, _), one in zip(samples, ones, strict=True)),
            statistics.median(busy for _, busy in samples),
        )
        for count, samples in seen.items()
    ]


def _sample(
    folder: Path, sslmode: str, options: Sequence[str], proxy: Proxy
) -> tuple[float, float]:
    """Transactions a second, and the cores that the proxy had."""
    port, pid = proxy
    before = sum(cpu_seconds(pid))
    told = _pgbench(folder, port, sslmode, *options)
    found = re.search(r"tps = ([\d.]+)", told)
    assert found is not None, told
    seconds = float(options[options.index("-T") + 1])
    return float(found[1]), (sum(cpu_seconds(pid)) - before) / seconds


def cpu_seconds(pid: int) -> tuple[float, float]:
    """User and system time so far, of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    stats = [
        Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split() for one in (pid, *children)
    ]
    tick = os.sysconf("SC_CLK_TCK")
    return sum(int(stat[11]) for stat in stats) / tick, sum(int(stat[12]) for stat in stats) / tick


def _pgbench(folder: Path, port: int, sslmode: str, *arguments: str) -> str:
    place = ("-h", "127.0.0.1", "-p", str(port), "-U", _ACCOUNT)
    command = [str(BINARIES / "pgbench"), "-n", *place, *arguments, _ACCOUNT]
    if "-i" not in arguments:
        command[1:1] = ["-j", "2"]
    environ = {"PATH": os.environ["PATH"], "PGSSLMODE": sslmode}
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=folder, env=environ
    )
    return done.stdout


@contextmanager
def _served(folder: Path) -> Iterator[EmbeddedPostgres]:
    issued = Authority(folder).issue("server", "localhost", "127.0.0.1")
    files = {"server.crt": issued.certificate, "server.key": issued.key}
    hba = ("host all all 127.0.0.1/32 trust",)
    settings = {"ssl": "on"}
    with EmbeddedPostgres(BINARIES, settings=settings, hba=hba, files=files) as server:
        server.execute(f"CREATE ROLE {_ACCOUNT} LOGIN")
        server.execute(f"CREATE DATABASE {_ACCOUNT} OWNER {_ACCOUNT}")
        yield server


@contextmanager
def keyless(folder: Path, upstream: int, workers: int, sslmode: str) -> Iterator[Proxy]:
    home = Path(tempfile.mkdtemp(dir=folder))
    port = free_port()
    text = _KEYLESS.format(workers=workers, port=port, upstream=upstream, sslmode=sslmode)
    (home / "keyless.toml").write_text(text)
    program, file = Path(sys.executable).with_name("keyless"), home / "keyless.toml"
    command = [str(program), "serve", "-c", str(file)]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        await_port("keyless", port, _PATIENCE)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
