"""pgbench's queries through every peer, in interleaved rounds: `python -m bench.queries --help`."""

import re
import statistics
import subprocess
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import click

from bench.peers import ACCOUNT, Peer, running
from proxy.demo.postgres import EmbeddedPostgres, bundled

_SCALE = 10


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one peer: transactions a second, and the proxy's CPU for each, in us."""

    tps: float
    user: float
    system: float


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
def main(rounds: int, seconds: int, clients: tuple[int, ...], modes: tuple[str, ...]) -> None:
    """Measure `pgbench -S` direct, through Keyless with its audit on, and through its peers."""
    binaries = bundled()[16]
    hba = ("host all all 127.0.0.1/32 trust",)
    with (
        EmbeddedPostgres(binaries, hba=hba) as postgres,
        tempfile.TemporaryDirectory(prefix="keyless-bench-") as folder,
    ):
        postgres.execute(f"CREATE ROLE {ACCOUNT} LOGIN; CREATE DATABASE {ACCOUNT} OWNER {ACCOUNT}")
        pgbench = binaries / "pgbench"
        _pgbench(pgbench, postgres.port, "-i", "-q", "-s", str(_SCALE))
        with running(postgres.port, Path(folder)) as peers:
            for mode in modes:
                for count in clients:
                    work = ("-S", "-M", mode, "-c", str(count), "-T", str(seconds))
                    _print(f"{mode}, {count} clients", _rounds(pgbench, peers, work, rounds))


def _rounds(
    pgbench: Path, peers: list[Peer], work: tuple[str, ...], rounds: int
) -> dict[str, list[Sample]]:
    samples: dict[str, list[Sample]] = defaultdict(list)
    for _ in range(rounds):
        for peer in peers:
            samples[peer.name].append(_sample(pgbench, peer, work))
    return samples


def _sample(pgbench: Path, peer: Peer, work: tuple[str, ...]) -> Sample:
    before = peer.cpu_seconds()
    told = _pgbench(pgbench, peer.port, *work)
    user, system = (b - a for a, b in zip(before, peer.cpu_seconds(), strict=True))
    done = int(_number(r"actually processed: (\d+)", told))
    return Sample(_number(r"tps = ([\d.]+)", told), user / done * 1e6, system / done * 1e6)


def _pgbench(pgbench: Path, port: int, *arguments: str) -> str:
    command = [str(pgbench), "-h", "127.0.0.1", "-p", str(port), "-U", ACCOUNT, *arguments, ACCOUNT]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    assert found, text
    return float(found[1])


def _print(title: str, samples: dict[str, list[Sample]]) -> None:
    """Medians; a ratio is the median of the rounds' own ratios, for the machine's speed changes."""
    click.echo(f"\n{title}")
    click.echo("| peer | tps | of direct | of pgbouncer | us user | us system |")
    click.echo("| --- | --- | --- | --- | --- | --- |")
    for name, runs in samples.items():
        columns = [f"{statistics.median(run.tps for run in runs):.0f}"]
        columns += [_ratio(runs, samples.get(base)) for base in ("direct", "pgbouncer")]
        columns += [f"{statistics.median(run.user for run in runs):.1f}"]
        columns += [f"{statistics.median(run.system for run in runs):.1f}"]
        click.echo(f"| {name} | {' | '.join(columns)} |")


def _ratio(runs: list[Sample], base: list[Sample] | None) -> str:
    if base is None:
        return "-"
    return f"{statistics.median(a.tps / b.tps for a, b in zip(runs, base, strict=True)):.2f}"


if __name__ == "__main__":
    main()
