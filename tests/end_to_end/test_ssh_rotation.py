"""A password or a key changes in OpenBao and at the server: nobody notices."""

import subprocess
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from proxy.demo.openbao import OpenBao
from tests.end_to_end.conftest import StartKeyless
from tests.end_to_end.ssh import Client, client, ssh_role, well
from tests.keyless import Keyless
from tests.secrecy import CANARY, canary
from tests.servers.openssh import OpenSsh, make_key, private_text, public_line
from tests.waiting import eventually

_names = (f"ssh-{n}" for n in count())
Store = Callable[..., None]


@pytest.fixture
def name() -> str:
    return next(_names)


@pytest.fixture
def store(openbao: OpenBao, name: str) -> Store:
    """Writes a new version of the account's secret."""

    def write(**secret: str) -> None:
        openbao.client.secrets.kv.v2.create_or_update_secret(name, secret)

    return write


@pytest.fixture
def start(
    openbao: OpenBao, own_openssh: OpenSsh, name: str, start_keyless: StartKeyless
) -> Callable[[str], Keyless]:
    """A proxy with one role, whose password or key is the secret's."""

    def begin(variable: str) -> Keyless:
        own = {"PRIVATE_KEY": None, variable: f"_vaultkv2:secret/data/{name}:{variable}"}
        environment = {"VAULT_ADDR": openbao.address, "VAULT_TOKEN": openbao.client.token}
        return start_keyless(ssh_role("web", own_openssh, **own), environment)

    return begin


def test_a_key_is_replaced(
    start: Callable[[str], Keyless], own_openssh: OpenSsh, store: Store, tmp_path: Path
) -> None:
    store(PRIVATE_KEY=private_text(own_openssh.key))
    joe = client(start("PRIVATE_KEY"), "web", tmp_path)
    before = subprocess.Popen(
        joe.ssh("read line; echo $line"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    well(joe.run("true"))
    key = make_key()
    store(PRIVATE_KEY=private_text(key))
    own_openssh.set_authorized(public_line(key))
    assert well(joe.run("echo in")) == "in\n"
    assert before.communicate(b"still\n", timeout=30)[0] == b"still\n"


def test_the_server_may_be_behind(
    start: Callable[[str], Keyless], store: Store, tmp_path: Path
) -> None:
    """The version before the newest is tried where that is refused."""
    store(PASS=CANARY)
    keyless = start("PASS")
    store(PASS=canary("-2"))
    audit = keyless.audit()
    assert well(client(keyless, "web", tmp_path).run("echo in")) == "in\n"
    assert audit.one("login.retry")["code"] == "permission-denied"
    assert audit.one("session.start")["versions"] == ["1"]


def test_the_server_may_be_ahead(
    start: Callable[[str], Keyless], own_openssh: OpenSsh, store: Store, tmp_path: Path
) -> None:
    """The client waits until the newest version is there."""
    store(PASS=CANARY)
    keyless = start("PASS")
    own_openssh.set_password(canary("-2"))
    audit = keyless.audit()
    told: list[str] = []
    joe: Client = client(keyless, "web", tmp_path)
    waiting = threading.Thread(target=lambda: told.append(well(joe.run("echo in"))))
    waiting.start()
    eventually(lambda: audit.events("secret.read"))
    store(PASS=canary("-2"))
    waiting.join(20)
    assert told == ["in\n"]


def test_a_password_that_nobody_stored_is_refused(
    start: Callable[[str], Keyless], own_openssh: OpenSsh, store: Store, tmp_path: Path
) -> None:
    store(PASS=CANARY)
    keyless = start("PASS")
    own_openssh.set_password(canary("-2"))
    done = client(keyless, "web", tmp_path).run("true")
    assert done.returncode == 255
    assert b"refused the login" in done.stderr
