"""SSH's works as a program: `python -m bench.ssh --help`."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from bench.ssh import ciphers, files, trees
from bench.ssh.ciphers import CIPHERS
from bench.ssh.crowd import crowd
from bench.ssh.findings import Finding, table
from bench.ssh.ways import World, world
from bench.ssh.work import measure

PARTS = ("files", "trees", "ciphers", "logins", "crowd")
_MEBI = 1 << 20


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of each: mebibytes, numbers, and how often."""

    file: int
    tree: int
    stream: int
    ciphers: Sequence[str]
    logins: int
    sessions: int
    rounds: int


@click.command()
@click.option("--part", "parts", type=click.Choice(PARTS), multiple=True, help="All if not given.")
@click.option("--file", default=1024, show_default=True, help="MiB of the file that sftp carries.")
@click.option("--tree", default=10_000, show_default=True, help="Files for rsync and git.")
@click.option("--stream", default=256, show_default=True, help="MiB of a stream by each cipher.")
@click.option(
    "--cipher",
    "ciphers",
    type=click.Choice(CIPHERS),
    multiple=True,
    default=CIPHERS,
    help="Of the streams; all if not given.",
)
@click.option("--logins", default=20, show_default=True, help="Rounds of `ssh true`.")
@click.option("--sessions", default=200, show_default=True, help="Sessions at once.")
@click.option("--rounds", default=3, show_default=True, help="Rounds, each by both ways.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def main(parts: Sequence[str], as_json: bool, **sizes: Any) -> None:
    """Do SSH's works directly and through Keyless, in turn, and compare what arrived.

    Files go by sftp, which also breaks off and goes on; trees go by rsync and git; streams go
    through ssh and scp by each cipher that a client may choose. "of direct" is the speed through
    Keyless as a part of the direct one's, the median of the rounds' own ratios. CPU seconds are
    the proxy's, user and system. All of it shares one machine: absolute figures mean little.

    Exits with 1 where something arrived that was not sent, or a session failed.
    """
    with (
        tempfile.TemporaryDirectory(prefix="keyless-bench-") as folder,
        world(Path(folder), Path(folder) / "keyless") as both,
    ):
        findings = []
        for finding in run(both, parts or PARTS, Sizes(**sizes)):
            click.echo(f"{finding.work}: {finding.of_direct:.2f} of direct", err=True)
            findings.append(finding)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in findings]))
    else:
        load = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
        click.echo(f"{table(findings)}\n\n{load}")
    sys.exit(any(finding.failures for finding in findings))


def run(both: World, parts: Sequence[str], sizes: Sizes) -> Iterator[Finding]:
    """What came of each work, as it comes."""
    ways, rounds = both.ways, sizes.rounds
    if "files" in parts:
        yield from measure(files.works(both, sizes.file * _MEBI), ways, rounds)
    if "trees" in parts:
        yield from measure(trees.works(both, sizes.tree), ways, rounds)
    if "ciphers" in parts:
        works = ciphers.works(both, sizes.stream * _MEBI, sizes.ciphers)
        yield from measure(works, ways, rounds)
    if "logins" in parts:
        yield from measure(ciphers.logins(), ways, sizes.logins)
    if "crowd" in parts:
        yield from crowd(ways, sizes.sessions, rounds)


if __name__ == "__main__":
    main()
