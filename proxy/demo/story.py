"""The demo: Keyless's main job on servers of its own, shown step by step.

Everything is real: PostgreSQL with a random SCRAM password, OpenBao that holds it, Keyless between
them, and a psql that is given no password. Nothing of it is left afterwards.
"""

import asyncio
import os
import secrets
import shlex
import tempfile
from pathlib import Path

import click

from protocols.api import ClientProgram, Endpoint
from proxy import client
from proxy.config import Config, parse_text
from proxy.demo import DemoError
from proxy.demo.openbao import OpenBao
from proxy.demo.postgres import EmbeddedPostgres, bundled
from proxy.server import Server

_SECRET = "demo/postgres"  # noqa: S105 a path, not a password
_QUERY = "SELECT name, price FROM fruit ORDER BY price DESC"
_DATABASE = """
CREATE ROLE app LOGIN;
CREATE DATABASE shop OWNER app;
\\connect shop
SET ROLE app;
CREATE TABLE fruit (name text, price numeric);
INSERT INTO fruit VALUES ('apple', 0.40), ('quince', 3.20), ('cherry', 7.90);
"""
_CONFIGURATION = """\
[roles.demo]
kind = "postgres"
listen = "127.0.0.1:0"

[roles.demo.env]
HOST = "127.0.0.1"
PORT = {port}
DB = "shop"
USER = "_vaultkv2:secret/data/{secret}:username"
PASS = "_vaultkv2:secret/data/{secret}:password"
"""


async def tell(*, interactive: bool) -> None:
    """Show it all; then, if `interactive`, leave the user at a prompt. Raises DemoError."""
    click.secho("psql is about to be let in without a password. All of it is real.", bold=True)
    with (
        EmbeddedPostgres(bundled()[max(bundled())]) as postgres,
        OpenBao() as openbao,
        tempfile.TemporaryDirectory(prefix="keyless-demo-") as folder,
    ):
        postgres.execute(_DATABASE)
        _rotate(postgres, openbao)
        _step(f"PostgreSQL runs on 127.0.0.1:{postgres.port}; account app has a random password.")
        _step(f"OpenBao (Vault's API) on {openbao.address} holds it at secret/data/{_SECRET}.")
        text = _CONFIGURATION.format(port=postgres.port, secret=_SECRET)
        config = parse_text(text, Path(folder, "keyless.toml"))
        vault = {"VAULT_ADDR": openbao.address, "VAULT_TOKEN": openbao.root_token}
        server = Server(config, vault)
        try:
            ((_, endpoint),) = server.start()
            psql = _introduce(config, text, endpoint)
            _step("A client that has no password asks:\n")
            await _query(psql)
            _rotate(postgres, openbao)
            _step(
                "The password has changed, in both places. Nothing else has, and the next asks:\n"
            )
            await _query(psql)
            await _show_audit(Path(folder, config.audit.path))
            if interactive:
                await _prompt(psql)
        finally:
            await server.stop()


def _rotate(postgres: EmbeddedPostgres, openbao: OpenBao) -> None:
    """A new password, in the database and in the provider."""
    password = secrets.token_urlsafe(24)
    postgres.execute(f"ALTER ROLE app PASSWORD '{password}'")
    openbao.client.secrets.kv.v2.create_or_update_secret(
        _SECRET, secret={"username": "app", "password": password}
    )


def _introduce(config: Config, text: str, endpoint: Endpoint) -> ClientProgram:
    _step(f"Keyless listens on {endpoint}. It was told where the password is, not what it is:\n")
    click.echo(click.style(_indented(text), dim=True))
    binaries = bundled()[max(bundled())]
    program = config.roles["demo"].protocol.client(endpoint, "demo", "shop")
    return client.find(program, os.fspath(binaries))


async def _query(psql: ClientProgram) -> None:
    """Run the query as anybody would: `-w` has psql fail rather than ask for a password."""
    click.echo(f"     $ {shlex.join(('psql', *psql.arguments[1:], '-w', '-c', _QUERY))}\n")
    process = await asyncio.create_subprocess_exec(
        *psql.arguments,
        *("-w", "-X", "-c", _QUERY),
        env={"PATH": os.defpath, **psql.environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    click.echo(_indented(output.decode()))
    if process.returncode != 0:
        raise DemoError("The demo's query was not answered.")


async def _show_audit(path: Path) -> None:
    """The audit has written what it was told when the session's last line is there."""
    for _ in range(100):
        lines = path.read_text().splitlines()  # noqa: ASYNC240 a few lines, and nobody waits
        if lines and '"session.end"' in lines[-1]:
            break
        await asyncio.sleep(0.02)
    session = lines[-1].split('"session":"')[1][:16]
    _step("Who did what, without a credential in it (the second session's audit lines):\n")
    click.echo(_indented("\n".join(line for line in lines if session in line)))


async def _prompt(psql: ClientProgram) -> None:
    command = shlex.join(("psql", *psql.arguments[1:]))
    _step(f"Your turn, here or in another terminal: {command}\n   \\q ends the demo.\n")
    await client.run(psql, (), os.environ)


def _step(text: str) -> None:
    click.echo(f"\n{click.style('*', fg='green', bold=True)}  {text}")


def _indented(text: str) -> str:
    return "\n".join(f"     {line}" for line in text.strip("\n").splitlines())
