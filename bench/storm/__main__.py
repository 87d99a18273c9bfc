"""The storm as a program: `python -m bench.storm --help`."""

import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

import click

from bench.storm.databases import DATABASES
from bench.storm.findings import Findings, table
from bench.storm.rotation import ORDERS
from bench.storm.storm import PROVIDERS, Settings, Storm

_ORDERS = {"vault": ("database-first", "provider-first"), "aws": tuple(ORDERS)}


@click.command()
@click.option(
    "--database", type=click.Choice(list(DATABASES)), default="postgres", show_default=True
)
@click.option("--provider", type=click.Choice(list(PROVIDERS)), default="vault", show_default=True)
@click.option(
    "--order", "orders", type=click.Choice(list(ORDERS)), multiple=True, help="All if not given."
)
@click.option("--seconds", default=60.0, show_default=True, help="How long each storm lasts.")
@click.option("--clients", default=50, show_default=True, help="Clients at once.")
@click.option(
    "--outage", default=0.0, help="Restart the provider in the middle, away for so many seconds."
)
@click.option("--cache-ttl", default=0.0, show_default=True, help="Keyless's setting.")
@click.option("--stale-if-error", default=0.0, show_default=True, help="Keyless's setting.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def main(
    database: str, provider: str, orders: Sequence[str], as_json: bool, **settings: Any
) -> None:
    """Rotate a password every two seconds under clients that connect without a pause.

    Exits with 1 where a connect failed.
    """
    chosen = orders or _ORDERS[provider]
    storms = [_storm(database, provider, order, Settings(**settings)) for order in chosen]
    click.echo(json.dumps([asdict(storm) for storm in storms]) if as_json else table(storms))
    sys.exit(any(storm.failures for storm in storms))


def _storm(database: str, provider: str, order: str, settings: Settings) -> Findings:
    with ExitStack() as stack:
        return Storm(stack, database, provider, order, settings).run()


if __name__ == "__main__":
    main()
