"""The storm's own servers: the proxy, and providers that can be restarted."""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol, Self

import boto3

from bench.ports import await_port, free_port
from bench.storm.databases import Database
from bench.storm.stores import AwsStore, Store, VaultStore
from proxy.demo.openbao import OpenBao

ROLE = "storm"
_KEYLESS = Path(sys.executable).with_name("keyless")
_PATIENCE = 30.0
_REGION = "eu-central-1"
_CONFIGURATION = """\
[secrets]
cache_ttl = {cache_ttl}
stale_if_error = {stale_if_error}
[roles.storm]
kind = "{kind}"
listen = "127.0.0.1:{port}"
[roles.storm.env]
HOST = "127.0.0.1"
PORT = {upstream}
USER = "{reference}:username"
PASS = "{reference}:password"
{variables}
"""


class Provider(Protocol):
    """A running provider, which is empty again after each start."""

    port: int

    def stop(self) -> None: ...

    def start(self) -> None: ...

    def store(self, user: str) -> Store: ...

    def environment(self, port: int) -> Mapping[str, str]:
        """Keyless's, where it reaches the provider at that port."""


class Vault:
    """OpenBao."""

    def __init__(self, stack: ExitStack) -> None:
        self._server = stack.enter_context(OpenBao())
        self.port = int(self._server.address.rpartition(":")[2])
        self.stop, self.start = self._server.stop, self._server.start

    def store(self, user: str) -> Store:
        return VaultStore(self._server.client, user)

    def environment(self, port: int) -> Mapping[str, str]:
        return {"VAULT_ADDR": f"http://127.0.0.1:{port}", "VAULT_TOKEN": self._server.root_token}


class Aws:
    """moto."""

    def __init__(self, stack: ExitStack) -> None:
        self.port = free_port()
        self.start()
        stack.callback(self.stop)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.defpath},
        )
        await_port("moto", self.port, _PATIENCE)

    def store(self, user: str) -> Store:
        session = boto3.session.Session("administrator", "administrator", region_name=_REGION)
        address = f"http://127.0.0.1:{self.port}"
        return AwsStore(session.client("secretsmanager", endpoint_url=address), user)

    def environment(self, port: int) -> Mapping[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_REGION": _REGION,
            "AWS_ACCESS_KEY_ID": "not-checked",
            "AWS_SECRET_ACCESS_KEY": "not-checked",
        }


class Proxy:
    """A context manager: inside, `keyless serve` runs; its files are in `folder`.

    `settings` are what the configuration leaves open.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        *,
        database: Database,
        **settings: str | float,
    ) -> None:
        folder.mkdir()
        self.place = "127.0.0.1", free_port()
        self.audit = folder / "audit.jsonl"
        self._file = folder / "keyless.toml"
        self._file.write_text(
            _CONFIGURATION.format(
                kind=database.kind,
                port=self.place[1],
                upstream=database.port,
                variables="\n".join(f'{n} = "{v}"' for n, v in database.variables.items()),
                **settings,
            )
        )
        self._environment = {"PATH": os.defpath, **environment}

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [_KEYLESS, "serve", "--config", self._file],
            stderr=subprocess.DEVNULL,
            env=self._environment,
        )
        await_port("Keyless", self.place[1], _PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
