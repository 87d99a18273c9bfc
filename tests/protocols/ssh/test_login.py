"""What an SSH role's environment may say, and what is wrong with one before any secret is read."""

import pytest

from protocols.api import TcpEndpoint
from protocols.ssh.login import check_environment, make_login, socket_path
from protocols.ssh.options import SshOptions
from tests.secrecy import CANARY

_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHmGbGkKtr0Cf2v4dJwPhJ5iZ1yLw9kNfJqU9mF4sV3x"
_GOOD = {"HOST": "web", "USER": "joe", "PASS": CANARY, "KNOWN_HOSTS": _KEY}


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        ({"PORT": "0"}, "PORT is not a port; write a number from 1 to 65535"),
        ({"HOST": "/run/x"}, "HOST is not one host; write its name or address"),
        ({"HOST": "a,b"}, "HOST is not one host; write its name or address"),
        ({"PASS": ...}, "PASS is missing, and so is PRIVATE_KEY; write a secret reference"),
        ({"PASSPHRASE": "x"}, "PASSPHRASE needs a PRIVATE_KEY beside it"),
        ({"CERTIFICATE": "x"}, "CERTIFICATE needs a PRIVATE_KEY beside it"),
        (
            {"PRIVATE_KEY": None, "AUTHORIZED_SERVER_KEYS": None},
            "AUTHORIZED_SERVER_KEYS is another name of PRIVATE_KEY; write one of them",
        ),
        ({"KNOWN_HOSTS": ...}, "KNOWN_HOSTS is missing; write the server's public key"),
        ({"KNOWN_HOSTS": " "}, "KNOWN_HOSTS is empty; write the server's public key"),
    ],
)
def test_a_mistake(change: dict[str, object], mistake: str) -> None:
    environment = {k: v for k, v in (_GOOD | change).items() if v is not ...}
    (found,) = check_environment(environment)  # type: ignore[arg-type]
    assert found.startswith(mistake)


@pytest.mark.parametrize("name", [*_GOOD, "PORT"])
def test_a_reference_is_not_judged(name: str) -> None:
    assert check_environment({**_GOOD, name: None}) == []


def test_a_login() -> None:
    login = make_login("web", _GOOD | {"PORT": "2222"}, SshOptions())
    assert login.endpoint == TcpEndpoint("web", 2222)
    assert (login.user, login.password) == ("joe", CANARY)
    assert CANARY not in repr(login)
    assert "joe" not in repr(login)


def test_hoops_name_of_a_key() -> None:
    environment = {**_GOOD, "AUTHORIZED_SERVER_KEYS": CANARY}
    login = make_login("web", environment, SshOptions())
    assert login.private_key == CANARY
    assert CANARY not in repr(login)


def test_nothing_secret_is_left_without_credentials() -> None:
    secret = {"PRIVATE_KEY": CANARY, "PASSPHRASE": CANARY, "CERTIFICATE": CANARY, "USER": CANARY}
    login = make_login("web", _GOOD | secret, SshOptions()).without_credentials()
    assert CANARY not in str([getattr(login, name) for name in login.__slots__])


@pytest.mark.parametrize(
    ("path", "socket"), [("/run/k", "/run/k/ssh.sock"), ("/run/k.sock", "/run/k.sock")]
)
def test_a_sockets_path(path: str, socket: str) -> None:
    assert socket_path(path) == socket
