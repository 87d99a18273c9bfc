"""Every work through every peer, and what came of it in files: `python -m bench --help`."""

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from bench import machine, plot, report
from bench.findings import Finding, Result
from bench.machine import Moment
from bench.plan import QUICK, WHOLE, Notes, Plan
from bench.registry import WORKS


@click.command()
@click.option("--quick", is_flag=True, help="Little of everything, in a few minutes.")
@click.option(
    "--only", multiple=True, type=click.Choice(list(WORKS)), help="All works if not given."
)
@click.option("--rounds", type=click.IntRange(1), help="Rounds, each through every peer.")
@click.option("--seconds", type=click.IntRange(1), help="How long one peer runs in a round.")
@click.option("--clients", type=click.IntRange(1), multiple=True, help="Clients at once.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("dist/bench"),
    show_default=True,
    help="The files to write, without .md, .json and .png.",
)
def main(quick: bool, only: Sequence[str], output: Path, **changes: Any) -> None:
    """Do the same work directly, through Keyless with its audit on, and through its peers.

    No time makes this fail; it exits with 1 where what came through is not what was sent, or the
    audit does not tell exactly what was.
    """
    machine.allow_many_files()
    plan = _changed(QUICK if quick else WHOLE, **changes)
    result = _measured(plan, only or list(WORKS), quick=quick)
    _write(result, output)
    failures = [failure for finding in result.findings for failure in finding.failures]
    click.echo("".join(f"{failure}\n" for failure in failures), err=True, nl=False)
    sys.exit(bool(failures))


def _changed(
    plan: Plan, *, rounds: int | None, seconds: int | None, clients: Sequence[int]
) -> Plan:
    if rounds is not None:
        plan = replace(plan, rounds=rounds, bulk_rounds=rounds)
    if seconds is not None:
        plan = replace(plan, seconds=seconds)
    return replace(plan, clients=clients) if clients else plan


def _measured(plan: Plan, works: Sequence[str], *, quick: bool) -> Result:
    notes, before, begun = Notes(), Moment.now(), time.time()
    load = os.getloadavg()[0]
    findings = list(_told(works, plan, notes))
    return Result(
        machine=machine.described(),
        programs=dict(sorted(notes.programs.items())),
        run={
            "begun": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(begun)),
            "minutes": f"{(time.time() - begun) / 60:.0f}",
            "how much": "little" if quick else "the whole",
            "rounds": f"{plan.rounds}, of {plan.seconds} s each through each peer",
            "load": f"{load:.1f} when it began, {os.getloadavg()[0]:.1f} when it ended",
            "steal": f"{Moment.now().stolen_since(before):.1%} of the processors' time",
        },
        left_out=notes.left_out,
        findings=findings,
    )


def _told(works: Sequence[str], plan: Plan, notes: Notes) -> Iterator[Finding]:
    """What each work found, and a line about each on standard error as it comes."""
    for work in works:
        for finding in WORKS[work](plan, notes):
            click.echo(report.line(finding), err=True)
            yield finding


def _write(result: Result, output: Path) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    told = report.markdown(result)
    output.with_name(f"{output.name}.md").write_text(told)
    text = json.dumps(result.told(), indent=1)
    output.with_name(f"{output.name}.json").write_text(f"{text}\n")
    plot.draw(result, output.with_name(f"{output.name}.png"))
    click.echo(told)


if __name__ == "__main__":
    main()
