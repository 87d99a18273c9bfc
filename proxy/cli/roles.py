"""`keyless roles`: which roles there are, and where."""

import json
from pathlib import Path

import click

from proxy.cli.options import config_option, load_or_fail


@click.command(short_help="List the roles: name, kind and listener.")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def roles(path: Path, as_json: bool) -> None:
    """List the configuration file's roles: name, kind and listener."""
    config = load_or_fail(path)
    listed = [
        {"role": r.name, "kind": r.protocol.kind, "listen": str(where) if where else None}
        for r, where in ((role, config.where(role)) for role in config.roles.values())
    ]
    if as_json:
        click.echo(json.dumps(listed, indent=2))
        return
    width = max(len(role.name) for role in config.roles.values())
    for role in listed:
        where = role["listen"] or "no listener; `keyless connect` opens one of its own"
        click.echo(f"{role['role']:<{width}}  {role['kind']}  {where}")
