"""`keyless exec ROLE -- COMMAND`: a command with a role's secrets in its environment."""

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import click

from protocols.errors import Refusal
from proxy import loop
from proxy.audit.log import AuditError
from proxy.cli.options import (
    audit_beside_a_program,
    complete_role,
    config_option,
    fail,
    load_or_fail,
    role_or_fail,
    set_up_logging,
    without_secrets,
)
from proxy.commands.process import CannotRun
from proxy.commands.session import CommandSession
from proxy.config import CommandRole, Config
from proxy.services import open_services

OUR_OWN = 125
"""The exit code of what went wrong before the command was started: as env(1) has it."""


class _BehindDashes(click.Command):
    """All behind the first `--` is the command, whatever it looks like."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = args.index("--") if "--" in args else len(args)
        try:
            left = super().parse_args(ctx, args[:at])
        except click.UsageError as error:
            raise _Misused(error.format_message(), ctx) from None
        if not ctx.resilient_parsing and (ctx.params["command"] or not args[at + 1 :]):
            raise _Misused("write the command behind two dashes: keyless exec ROLE -- COMMAND", ctx)
        ctx.params["command"] = tuple(args[at + 1 :])
        return left


class _Misused(click.UsageError):
    exit_code = OUR_OWN


@click.command("exec", cls=_BehindDashes, short_help="Run a command with a role's secrets.")
@click.argument("role", shell_complete=complete_role)
@click.argument("command", nargs=-1, metavar="-- COMMAND [ARGUMENT]...")
@config_option
@click.option("--mask", is_flag=True, help="Replace the secrets in what it prints by ***.")
def exec_command(role: str, command: tuple[str, ...], path: Path, mask: bool) -> None:
    """Run COMMAND with the secrets of ROLE, of kind `command`, in its environment.

    \b
      keyless exec billing-job -- ./charge --all
      keyless exec deploy --mask -- sh -c 'ssh -i "$SSH_KEY" web uptime'

    Those that the role lists as `files` are files instead, gone when the command ends, and the
    variables are their paths. Nothing is in an argument. The command has your terminal, and gets
    the signals that keyless gets.

    Exit code: the command's own, 128+N if signal N ended it, 126 if it may not be executed, 127 if
    there is none; 125 if keyless itself failed.
    """
    config = load_or_fail(path, OUR_OWN)
    chosen = role_or_fail(config, role, OUR_OWN)
    if not isinstance(chosen, CommandRole):
        kind = chosen.protocol.kind
        fail(f"role {role} is of kind {kind}: `keyless connect {role}` opens it", OUR_OWN)
    run_in_place(config, chosen, command, mask=mask)


def run_in_place(
    config: Config,
    role: CommandRole,
    argv: Sequence[str],
    *,
    mask: bool = False,
    ready: Callable[[], None] = lambda: None,
) -> NoReturn:
    """Run it, and end as it ends."""
    set_up_logging("warning")
    try:
        code = loop.run(_run(audit_beside_a_program(config), role, argv, mask, ready))
    except CannotRun as error:
        fail(str(error), error.code)
    except Refusal as refusal:
        because = f" ({refusal.detail})" if refusal.detail else ""
        fail(f"{refusal}{because}", OUR_OWN)
    except (AuditError, OSError) as error:
        fail(str(error), OUR_OWN)
    _leave(code)


def _leave(code: int) -> NoReturn:
    """At once: a provider that still thinks about an answer is not waited for. A shell ends its
    loop where it sees SIGINT end a command, and not where it sees a number."""
    if code == 128 + signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(code)


async def _run(
    config: Config,
    role: CommandRole,
    argv: Sequence[str],
    mask: bool,
    ready: Callable[[], None],
) -> int:
    inherited = {os.fsencode(k): os.fsencode(v) for k, v in without_secrets(config).items()}
    services = open_services(config)
    try:
        return await CommandSession(role, services, mask=mask).run(argv, inherited, ready)
    finally:
        await services.close()
