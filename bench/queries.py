"""pgbench's queries through every peer, in interleaved rounds: `python -m bench.queries --help`."""

import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import click

from bench.peers import ACCOUNT, Peer, running
from bench.rounds import Done, measure, number, tell
from proxy.demo.postgres import EmbeddedPostgres, bundled

_SCALE = 10
_BASES = ("direct", "pgbouncer", "haproxy")
_SAMPLED = 0.2  # of the transactions, whose latency pgbench notes


@click.command()
@click.option("--rounds", default=5, show_default=True, help="Rounds, each through every peer.")
@click.option("--seconds", default=5, show_default=True, help="How long one peer runs in a round.")
@click.option(
    "--clients", default=(1, 8), multiple=True, show_default=True, help="Clients at once."
)
@click.option(
    "--mode",
    "modes",
    default=("simple", "prepared"),
    multiple=True,
    show_default=True,
    type=click.Choice(["simple", "extended", "prepared"]),
    help="pgbench's query mode.",
)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def main(
    rounds: int, seconds: int, clients: Sequence[int], modes: Sequence[str], as_json: bool
) -> None:
    """Measure `pgbench -S` direct, through Keyless with its audit on, and through its peers."""
    binaries = bundled()[16]
    with ExitStack() as stack:
        hba = ("host all all 127.0.0.1/32 trust",)
        postgres = stack.enter_context(EmbeddedPostgres(binaries, hba=hba))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="keyless-bench-")))
        postgres.execute(f"CREATE ROLE {ACCOUNT} LOGIN; CREATE DATABASE {ACCOUNT} OWNER {ACCOUNT}")
        bench = _Pgbench(binaries / "pgbench", folder)
        bench.run(postgres.port, "-i", "-q", "-s", str(_SCALE))
        peers = stack.enter_context(running("postgres", postgres.port, folder))
        findings = []
        for mode in modes:
            for count in clients:
                work = ("-S", "-M", mode, "-c", str(count), "-T", str(seconds))
                title = f"{mode}, {count} clients"
                findings += measure(title, partial(bench.measured, work), peers, rounds, _BASES)
        tell(findings, _BASES, as_json=as_json)


class _Pgbench:
    """pgbench, with a folder of its own for its logs."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._program = program
        self._logs = folder / "pgbench"
        self._logs.mkdir()

    def run(self, port: int, *arguments: str) -> str:
        place = ("-h", "127.0.0.1", "-p", str(port), "-U", ACCOUNT)
        command = [str(self._program), *place, *arguments, ACCOUNT]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=self._logs)
        return done.stdout

    def measured(self, work: Sequence[str], peer: Peer) -> Done:
        told = self.run(peer.port, *work, "-l", f"--sampling-rate={_SAMPLED}")
        noted = self._latencies()
        return Done(
            transactions=int(number(r"actually processed: (\d+)", told)),
            tps=number(r"tps = ([\d.]+)", told),
            p99=noted[len(noted) * 99 // 100],
        )

    def _latencies(self) -> list[float]:
        """What was noted of the last run, in ms and sorted; and the notes are thrown away."""
        noted: list[float] = []
        for log in self._logs.iterdir():
            noted += [int(line.split()[2]) / 1000 for line in log.read_text().splitlines()]
            log.unlink()
        return sorted(noted)


if __name__ == "__main__":
    main()
