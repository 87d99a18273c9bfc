"""The real servers that suites run against, each made anew and gone afterwards.

Their administrator may make roles and databases, as suites do; its password is the canary.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from proxy.demo import DemoError
from proxy.demo.postgres import EmbeddedPostgres, bundled
from tests.secrecy import CANARY
from tests.servers.authority import Authority
from tests.servers.mysql_flavours import FLAVOURS, PLUGINS
from tests.servers.mysqld import MysqlServer

ACCOUNT = "conformance"
_DEBIAN = Path("/usr/lib/postgresql")
# Whoever is not the administrator needs no password, so that a test can log in as somebody else.
_HBA = (
    f"host all,replication {ACCOUNT} 127.0.0.1/32 scram-sha-256",
    "host all,replication all 127.0.0.1/32 trust",
)

_ROOT = """\
CREATE USER IF NOT EXISTS root@localhost;
GRANT ALL ON *.* TO root@localhost WITH GRANT OPTION;
ALTER USER root@localhost {identified};
"""


@dataclass(frozen=True, slots=True)
class Upstream:
    """A running server, by name and version, on loopback, and its administrator."""

    name: str
    port: int
    account: str = ACCOUNT


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


KINDS: Mapping[str, Start] = MappingProxyType({"postgres": postgres, "mysql": mysql})
