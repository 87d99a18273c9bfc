"""The real servers that suites run against, each made anew and gone afterwards.

Their administrator may make roles and databases, as suites do; its password is the canary.
"""

import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from getpass import getuser
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

import asyncssh

from proxy.demo import DemoError
from proxy.demo.postgres import EmbeddedPostgres, bundled
from tests.secrecy import CANARY
from tests.servers.authority import Authority
from tests.servers.mysql_flavours import FLAVOURS, PLUGINS
from tests.servers.mysqld import MysqlServer
from tests.servers.openssh import make_key, private_text, public_line

ACCOUNT = "conformance"
ROLE, INETD = "target", "inetd"
_DEBIAN = Path("/usr/lib/postgresql")
# Whoever is not the administrator needs no password, so that a test can log in as somebody else.
_HBA = (
    f"host all,replication {ACCOUNT} 127.0.0.1/32 scram-sha-256",
    "host all,replication all 127.0.0.1/32 trust",
)

_ONE_ROLE: Mapping[str, Mapping[str, Any]] = MappingProxyType({ROLE: {"DB": ACCOUNT}})
_EVERY_DATABASE: Mapping[str, Any] = MappingProxyType({"databases": ["*"]})
_ROOT = """\
CREATE USER IF NOT EXISTS root@localhost;
GRANT ALL ON *.* TO root@localhost WITH GRANT OPTION;
ALTER USER root@localhost {identified};
"""


@dataclass(frozen=True, slots=True)
class Upstream:
    """A running server, by name and version, on loopback, and its administrator. `roles` are what
    leads there: by name, what is in the environment of each beside that; `options` are theirs."""

    name: str
    port: int
    account: str = ACCOUNT
    roles: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: _ONE_ROLE)
    options: Mapping[str, Any] = field(default_factory=lambda: _EVERY_DATABASE)
    settings: str = ""  # Keyless's own
    folder: Path | None = None  # what its suites find of it


Start = Callable[[str, Mapping[str, str]], AbstractContextManager[Upstream]]
"""Starts a server of a version, by whatever that kind calls it, with these settings."""


@contextmanager
def postgres(version: str, settings: Mapping[str, str]) -> Iterator[Upstream]:
    """A PostgreSQL whose administrator logs in by SCRAM and has a database of its own name."""
    with _server(version, settings) as server:
        server.execute(f"CREATE ROLE {ACCOUNT} SUPERUSER LOGIN PASSWORD '{CANARY}'")
        server.execute(f"CREATE DATABASE {ACCOUNT} OWNER {ACCOUNT}")
        exact = server.execute("SHOW server_version").split()[0]
        yield Upstream(f"PostgreSQL {exact}", server.port)


def postgres_binaries(version: str) -> Path:
    """Where a major version of PostgreSQL is: Debian's package, else the demo's wheel."""
    debian = _DEBIAN / version / "bin"
    if debian.exists():
        return debian
    if found := bundled().get(int(version)):
        return found
    raise DemoError(f"PostgreSQL {version} is not installed: install Debian's postgresql-{version}")


def _server(version: str, settings: Mapping[str, str]) -> EmbeddedPostgres:
    """It offers TLS where it can, as Keyless does; the versions in the wheel are built without."""
    binaries, files = postgres_binaries(version), {}
    if binaries.is_relative_to(_DEBIAN):
        files = _certificate()
        settings = {"ssl": "on", **settings}
    return EmbeddedPostgres(binaries, settings=settings, hba=_HBA, files=files)


def _certificate() -> dict[str, str]:
    with TemporaryDirectory(prefix="keyless-") as folder:
        issued = Authority(Path(folder)).issue("server", "localhost", "127.0.0.1")
    return {"server.crt": issued.certificate, "server.key": issued.key}


@contextmanager
def mysql(name: str, settings: Mapping[str, str]) -> Iterator[Upstream]:
    """One of MySQL's family, by its name among the flavours. Its administrator is root, as suites
    take for granted, and logs in by what is the server's default."""
    with TemporaryDirectory(prefix="keyless-") as folder:
        authority = Authority(Path(folder))
    own = authority.issue("server", "localhost", "127.0.0.1")
    flavour = FLAVOURS[name]()
    settings = {"skip-name-resolve": "OFF", **settings}  # so that root@localhost may come by TCP
    with MysqlServer(flavour, certificate=own, clients=authority.pem, settings=settings) as server:
        ((exact,),) = server.execute("SELECT substring_index(version(), '-', 1)")
        server.execute(f"CREATE DATABASE {ACCOUNT}")
        identified = flavour.identified.format(plugin=PLUGINS[name][0])
        server.execute(_ROOT.format(identified=identified), CANARY)
        yield Upstream(f"{'MySQL' if name == 'mysql' else 'MariaDB'} {exact}", server.port, "root")


@contextmanager
def ssh(version: str, settings: Mapping[str, str]) -> Iterator[Upstream]:
    """Two places where nobody is yet, and the keys of who should be: suites of OpenSSH start their
    servers themselves, as a daemon on one port and as inetd would on the other.

    Keyless shows the server's other host key as its own, for clients that know both.
    """
    with TemporaryDirectory(prefix="keyless-") as name:
        folder, ports = Path(name), _free_ports(2)
        for key in (make_key(), asyncssh.generate_private_key("ssh-rsa")):
            file = folder / key.get_algorithm()
            file.touch(0o600)
            file.write_text(private_text(key))
            file.with_suffix(".pub").write_text(f"{public_line(key)}\n")
        known = {"KNOWN_HOSTS": str(folder / "ssh-ed25519.pub"), "DB": None, "PASS": None}
        login = known | {"PRIVATE_KEY": str(folder / "ssh-ed25519")}
        yield Upstream(
            f"OpenSSH {openssh_version()}",
            ports[0],
            getuser(),
            roles={ROLE: login, INETD: {**login, "PORT": ports[1]}},
            options={},
            settings=f'[ssh]\nhost_key = "{folder}/ssh-rsa"\n',
            folder=folder,
        )


def openssh_version() -> str:
    """The client's, which is the server's in any one release of Debian."""
    told = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=True).stderr
    return told.removeprefix("OpenSSH_").partition(" ")[0]


def _free_ports(count: int) -> list[int]:
    """Different ones."""
    with ExitStack() as stack:
        listeners = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [listener.getsockname()[1] for listener in listeners]


KINDS: Mapping[str, Start] = MappingProxyType({"postgres": postgres, "mysql": mysql, "ssh": ssh})
