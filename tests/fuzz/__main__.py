"""The fuzzers as a program: `python -m tests.fuzz --help`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from tests.fuzz.campaign import Campaign
from tests.fuzz.findings import replay
from tests.fuzz.guided import AtherisMissing, explore
from tests.fuzz.kinds import CORPUS, KINDS
from tests.fuzz.report import Report
from tests.fuzz.target import Target

_PATH = click.Path(path_type=Path)
_EXISTING = click.Path(path_type=Path, exists=True)
_FOUND = "A folder for what breaks a promise."


@click.command()
@click.option("--kind", type=click.Choice(list(KINDS)), default="postgres", show_default=True)
@click.option("--target", "names", multiple=True, help="By name; all if not given.")
@click.option("--messages", default=100_000, show_default=True, help="For all targets together.")
@click.option("--seed", default=1, show_default=True, help="The same seed shows the same.")
@click.option("--corpus", type=_EXISTING, help="A folder like the kind's own in tests/fuzz/corpus.")
@click.option("--found", type=_PATH, default=".cache/fuzz", show_default=True, help=_FOUND)
@click.option("--replay", "kept", type=_EXISTING, help="Show such a file, and nothing else.")
@click.option("--atheris", is_flag=True, help="Be guided by what code was reached.")
@click.option("--json", "figures", type=_PATH, help="Write the figures to this file.")
def main(
    kind: str,
    names: Sequence[str],
    corpus: Path | None,
    kept: Path | None,
    figures: Path | None,
    **settings: Any,
) -> None:
    """Show what reads foreign bytes conversations that were changed at random.

    Exits with 1 where a promise was broken.
    """
    targets = [t for t in KINDS[kind](corpus or CORPUS / kind) if not names or t.name in names]
    if kept:
        sys.exit(_replay(kept, targets))
    report = _run(kind, targets, **settings)
    click.echo(report.as_table())
    if figures:
        figures.write_text(report.as_json())
    sys.exit(bool(report.findings))


def _run(kind: str, targets: Sequence[Target], *, atheris: bool, **settings: Any) -> Report:
    if not atheris:
        return Campaign(targets, **settings).run()
    try:
        return explore(kind, targets, **settings)
    except AtherisMissing as missing:
        raise click.UsageError(str(missing)) from None


def _replay(path: Path, targets: Sequence[Target]) -> bool:
    finding = replay(path, targets)
    click.echo(finding.error if finding else "every promise is kept")
    return finding is not None


if __name__ == "__main__":
    main()
