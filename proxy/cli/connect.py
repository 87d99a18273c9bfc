"""`keyless connect ROLE`: the user's own client, opened on a role."""

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import click

from protocols.api import Disconnected, Endpoint, UnixEndpoint
from protocols.errors import Refusal
from providers.reference import Reference
from proxy import dial, loop, registry
from proxy.addresses import bindable
from proxy.audit.log import AuditError
from proxy.cli.options import (
    FAILED,
    config_option,
    fail,
    load_or_fail,
    role_or_fail,
    set_up_logging,
)
from proxy.client import ClientMissing, find, run
from proxy.config import Config, Role
from proxy.connection import Connection
from proxy.doors import Door
from proxy.driver import Driver
from proxy.identity import identify_listener
from proxy.listener import ListenError
from proxy.server import Server

_CONTEXT = {"ignore_unknown_options": True}


@click.command(short_help="Open psql or mysql on a role.", context_settings=_CONTEXT)
@click.argument("role")
@click.argument("client_arguments", nargs=-1, type=click.UNPROCESSED)
@config_option
def connect(role: str, client_arguments: tuple[str, ...], path: Path) -> None:
    """Open ROLE's own client, psql or mysql; what follows `--` is handed to it.

    Goes through the running proxy if there is one, else through one of its own for as long as the
    client runs. Hands on the client's exit code.
    """
    config = load_or_fail(path)
    chosen = role_or_fail(config, role)
    set_up_logging("warning")
    try:
        code = loop.run(_connect(config, chosen, client_arguments))
    except (AuditError, ClientMissing, Refusal, Disconnected, ListenError, OSError) as error:
        fail(str(error), FAILED)
    sys.exit(code)


async def _connect(config: Config, role: Role, arguments: tuple[str, ...]) -> int:
    async with _proxy(config, role) as endpoint:
        await _probe(config, role, endpoint)
        database = role.environment.get("DB")
        known = database if isinstance(database, str) else None
        program = role.protocol.client(endpoint, role.name, known)
        found = find(program)
        click.echo(f"Connected to {role.name}", err=True)  # standard output is the client's
        return await run(found, arguments, _without_secrets(config))


@asynccontextmanager
async def _proxy(config: Config, role: Role) -> AsyncIterator[Endpoint]:
    """The running proxy's listener, or one that nobody but this user can reach."""
    running = await _running(config, role)
    if running is not None:
        yield running
        return
    audit = config.audit
    if audit.path == "-":
        audit = audit.model_copy(update={"path": "/dev/stderr"})  # standard output is the client's
    server = Server(replace(config, audit=audit))
    with tempfile.TemporaryDirectory(prefix="keyless-") as folder:
        try:
            yield server.listen(Door.to(role), UnixEndpoint(folder))
        finally:
            await server.stop()


async def _running(config: Config, role: Role) -> Endpoint | None:
    """Where `keyless serve` listens for the role, if it runs."""
    listen = config.where(role)
    if listen is None:
        return None
    endpoint = bindable(listen, role.protocol)
    try:
        connection = await _dial(config, endpoint)
    except OSError:
        return None
    with connection:
        owner = identify_listener(connection)
    if owner.uid not in (None, 0, os.getuid(), config.path.stat().st_uid):
        fail(
            f"{endpoint} is held by user {owner.user}, who is neither you nor root nor the owner "
            f"of {config.path}; it may not be Keyless"
        )
    return endpoint


async def _probe(config: Config, role: Role, endpoint: Endpoint) -> None:
    """Say "Connected" only where that is true. Raises the refusal that the client would see."""
    proxy = Connection(await _dial(config, endpoint))
    driver = Driver(config.timeouts)
    driver.upstream = proxy
    try:
        await driver.run(role.protocol.probe(role.name))
    finally:
        proxy.close()


async def _dial(config: Config, endpoint: Endpoint) -> socket.socket:
    until = asyncio.get_running_loop().time() + config.timeouts.upstream
    connection, _ = await dial.connect(await dial.resolve(endpoint), until)
    return connection


def _without_secrets(config: Config) -> dict[str, str]:
    """Our environment less what only a provider needs, or is a secret itself."""
    hidden = {name for provider in registry.providers().values() for name in provider.settings}
    for role in config.roles.values():
        values = role.environment.values()
        hidden |= {value.secret for value in values if isinstance(value, Reference)}
    return {name: value for name, value in os.environ.items() if name not in hidden}
