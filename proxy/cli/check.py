"""`keyless check`: does every role's reference resolve, and is its login taken?"""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from proxy import loop
from proxy.audit.log import AuditError
from proxy.check import Check, Report
from proxy.cli.options import (
    FAILED,
    complete_role,
    config_option,
    fail,
    load_or_fail,
    role_or_fail,
)
from proxy.commands.check import CommandCheck
from proxy.config import CommandRole, Config, Role
from proxy.services import Services, open_services


@click.command(short_help="Prove that one role works, or every role.")
@click.argument("role", required=False, shell_complete=complete_role)
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(role: str | None, path: Path, as_json: bool) -> None:
    """Prove that ROLE works, or every role: its secrets are read and its login is tried.

    Prints no value. Exit code 0 if all is well, 1 if a role does not work.
    """
    config = load_or_fail(path)
    chosen = [role_or_fail(config, role)] if role else config.all_roles()
    try:
        reports = loop.run(_check(config, chosen))
    except AuditError as error:
        fail(str(error))
    if as_json:
        click.echo(json.dumps([{"ok": r.ok, **asdict(r)} for r in reports], indent=2))
    else:
        for report in reports:
            _print(report)
    sys.exit(0 if all(report.ok for report in reports) else FAILED)


async def _check(config: Config, roles: Sequence[Role | CommandRole]) -> list[Report]:
    services = open_services(config)
    try:
        return await asyncio.gather(*(_check_one(role, services) for role in roles))
    finally:
        await services.close()


async def _check_one(role: Role | CommandRole, services: Services) -> Report:
    if isinstance(role, CommandRole):
        return await CommandCheck(role, services).run()
    return await Check(role, services).run()


def _print(report: Report) -> None:
    verdict = click.style("ok", fg="green") if report.ok else click.style("FAILED", fg="red")
    click.echo(f"{report.role} ({report.kind}): {verdict}")
    for read in report.secrets:
        version = f", version {read.version}" if read.version else ""
        outcome = read.error or f"read in {read.duration_ms:.0f} ms{version}"
        click.echo(f"  _{read.provider}:{read.secret}  {outcome}")
    if report.facts:
        facts = report.facts
        tls = f", TLS {facts['tls']}" if "tls" in facts else ""
        click.echo(f"  logged in to {facts['server_version']} with {facts['method']}{tls}")
    if report.problem:
        click.echo(f"  {report.problem}")
