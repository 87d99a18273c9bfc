"""`keyless audit`: the audit log's own commands."""

import sys
from pathlib import Path

import click

from proxy.audit.chain import verify
from proxy.cli.options import FAILED, fail


@click.group()
def audit() -> None:
    """Look after the audit log."""


@audit.command("verify")
@click.argument("log", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def verify_command(log: Path) -> None:
    """Prove that no line of LOG was changed, removed or moved.

    Lines cut off the end cannot be found out this way: keep the last line's digest elsewhere.
    """
    with log.open("rb") as lines:
        broken = verify(lines)
        size = lines.tell()
    if broken is not None:
        fail(f"{log}, line {broken.line}: {broken.why}", FAILED)
    click.echo(f"{log}: {size} bytes, every line follows from the one before it")
    sys.exit(0)
