"""`keyless roles`: which roles there are, and where."""

import json
from pathlib import Path

import click

from proxy.cli.options import config_option, load_or_fail
from proxy.config import CommandRole, Config, Role
from proxy.config.schema import COMMAND

_OWN_LISTENER = "no listener; `keyless connect` opens one of its own"
_NO_LISTENER = "no listener; `keyless exec` runs commands with it"


@click.command(short_help="List the roles: name, kind and listener.")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def roles(path: Path, as_json: bool) -> None:
    """List the configuration file's roles: name, kind and listener."""
    config = load_or_fail(path)
    listed = [_describe(config, role) for role in config.all_roles()]
    if as_json:
        click.echo(json.dumps(listed, indent=2))
        return
    width = max(len(role.name) for role in config.all_roles())
    for role in listed:
        where = role["listen"] or (_NO_LISTENER if role["kind"] == COMMAND else _OWN_LISTENER)
        click.echo(f"{role['role']:<{width}}  {role['kind']}  {where}")


def _describe(config: Config, role: Role | CommandRole) -> dict[str, str | None]:
    if isinstance(role, CommandRole):
        return {"role": role.name, "kind": COMMAND, "listen": None}
    where = config.where(role)
    listen = str(where) if where else None
    return {"role": role.name, "kind": role.protocol.kind, "listen": listen}
