"""Whether a result reaches the marks, or what has fallen since another one:
`python -m bench.check --help`.

Only ratios within one result are compared with another's, for the machine may be another one too.
"""

import json
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import click

from bench import marks
from bench.findings import CPU, SPEED, Result
from bench.markdown import table

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("result", type=_FILE, default=Path("dist/bench.json"))
@click.option("--against", type=_FILE, help="Another result, in place of the marks.")
@click.option(
    "--margin", default=0.05, show_default=True, help="What is noise, as a part of what is wanted."
)
def main(result: Path, against: Path | None, margin: float) -> None:
    """Say what is below its mark in RESULT (dist/bench.json), or below what it was.

    Exits with 1 where something is. Nothing else in Keyless fails for its speed.
    """
    told = _read(result)
    if against is None:
        rows = [*_against_marks(told, margin)]
        headings = ("what", "is", "wanted", "")
    else:
        rows = [*_against(told, _read(against), margin)]
        headings = ("what", "is", "was", "")
    fallen = sum(row[-1] == "FELL" for row in rows)
    click.echo("\n".join(table(headings, rows)))
    click.echo(f"\n{len(rows)} judged, {fallen} fell by more than {margin:.0%}")
    sys.exit(fallen > 0)


def _read(file: Path) -> Result:
    return Result.read(json.loads(file.read_text()))


def _against_marks(told: Result, margin: float) -> Iterator[tuple[str, str, str, str]]:
    for verdict in marks.judged(marks.read(), told):
        word = "FELL" if verdict.fell(margin) else "ok"
        yield verdict.what, f"{verdict.value:.2f}", verdict.wanted, word


def _against(told: Result, before: Result, margin: float) -> Iterator[tuple[str, str, str, str]]:
    was = dict(_ratios(before))
    for (what, figure), now in _ratios(told):
        if (then := was.get((what, figure))) is None:
            continue
        fell = now < then * (1 - margin) if figure == SPEED else now > then * (1 + margin)
        yield what, f"{now:.2f}", f"{then:.2f}", "FELL" if fell else "ok"


def _ratios(result: Result) -> Iterator[tuple[tuple[str, str], float]]:
    """Of Keyless: its main figure and its CPU, each of other peers' in the same case."""
    ours = [finding for finding in result.findings if finding.peer.startswith("keyless")]
    for finding in ours:
        others = [other for other in result.others(finding) if not other.peer.startswith("keyless")]
        for other, figure in product(others, dict.fromkeys((finding.main, CPU))):
            ratio = finding.ratio(other, figure)
            what = f"{finding.work}, {finding.case}: {finding.peer}, {figure} of {other.peer}'s"
            if ratio is not None:
                yield (what, figure), ratio


if __name__ == "__main__":
    main()
