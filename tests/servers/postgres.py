"""Real PostgreSQL servers for the tests: every version there is, and every way to log in.

`scram_user`, `md5_user`, `clear_user` and `trust_user` log in as their names say; where there is
TLS, `tls_user` does by SCRAM over TLS only, and `cert_user` with a client certificate. Their
password is the canary and their database `app`. Users that a test creates log in by SCRAM.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path

import pytest

from proxy.demo import DemoError
from proxy.demo.postgres import EmbeddedPostgres, bundled
from tests.secrecy import CANARY
from tests.servers.authority import Authority

VERSIONS = (15, 16, 18)
DATABASE = "app"
_WITH_TLS = 15  # Debian's; the versions in the wheel are built without
_DEBIAN = Path("/usr/lib/postgresql/15/bin")

_HBA = (
    "host all tls_user,cert_user 127.0.0.1/32 reject",
    "host all md5_user 127.0.0.1/32 md5",
    "host all clear_user 127.0.0.1/32 password",
    "host all trust_user 127.0.0.1/32 trust",
    "host all,replication all 127.0.0.1/32 scram-sha-256",
)
_HBA_WITH_TLS = (
    "hostssl all tls_user 127.0.0.1/32 scram-sha-256",
    "hostssl all cert_user 127.0.0.1/32 cert",
    *_HBA,
)
_USERS = f"""
CREATE DATABASE {DATABASE};
CREATE USER scram_user PASSWORD '{CANARY}';
CREATE USER tls_user PASSWORD '{CANARY}';
CREATE USER clear_user PASSWORD '{CANARY}';
CREATE USER trust_user PASSWORD '{CANARY}';
CREATE USER cert_user;
SET password_encryption = 'md5';
CREATE USER md5_user PASSWORD '{CANARY}';
"""
_TABLES = """
GRANT CREATE ON SCHEMA public TO public;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO public;
CREATE TABLE accounts (id int PRIMARY KEY, owner text NOT NULL, balance numeric(12, 2) NOT NULL);
INSERT INTO accounts SELECT id, 'owner ' || id, id * 10 FROM generate_series(1, 100) AS id;
CREATE TABLE notes (id int PRIMARY KEY, account int NOT NULL REFERENCES accounts, body text);
INSERT INTO notes SELECT id, id, repeat('x', id) FROM generate_series(1, 10) AS id;
"""


class PostgresServers:
    """Starts servers as they are asked for, each a copy of one that was set up once a version."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.running = cache(self._running)
        self._template = cache(self._make_template)

    def fresh(
        self,
        version: int,
        *,
        settings: Mapping[str, str] | None = None,
        hba: Sequence[str] = _HBA,
        files: Mapping[str, str] | None = None,
        template: Path | None = None,
    ) -> EmbeddedPostgres:
        """A server of the test's own, to enter with `with`, to stop and to break."""
        return EmbeddedPostgres(
            _binaries(version),
            settings=settings or {},
            hba=hba,
            files=files or {},
            template=template or self._template(version),
        )

    def with_tls(self, authority: Authority, *names: str) -> EmbeddedPostgres:
        """A server whose certificate says that it is `names`; it knows clients by `authority`."""
        certificate = authority.issue("server", *names)
        return self.fresh(
            _WITH_TLS,
            hba=_HBA_WITH_TLS,
            settings={"ssl": "on", "ssl_ca_file": "clients.crt"},
            files={
                "server.crt": certificate.certificate,
                "server.key": certificate.key,
                "clients.crt": authority.pem,
            },
        )

    def _running(self, version: int) -> EmbeddedPostgres:
        return self._stack.enter_context(self.fresh(version))

    def _make_template(self, version: int) -> Path:
        server = self._stack.enter_context(EmbeddedPostgres(_binaries(version)))
        server.execute(_USERS)
        server.execute(_TABLES, DATABASE)
        server.stop()
        return server.data


def _binaries(version: int) -> Path:
    """Where that version is. Without it a test is skipped, but not in continuous integration."""
    if version == _WITH_TLS and _DEBIAN.exists():
        return _DEBIAN
    with suppress(DemoError, KeyError):
        return bundled()[version]
    missing = f"PostgreSQL {version} is not installed"
    if "CI" in os.environ:
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="session")
def postgres_servers() -> Iterator[PostgresServers]:
    with ExitStack() as stack:
        yield PostgresServers(stack)


@pytest.fixture(scope="session", params=VERSIONS)
def postgres(request: pytest.FixtureRequest, postgres_servers: PostgresServers) -> EmbeddedPostgres:
    """Each version in turn. A test leaves it as it found it."""
    return postgres_servers.running(request.param)


@pytest.fixture(scope="session")
def latest_postgres(postgres_servers: PostgresServers) -> EmbeddedPostgres:
    """One version, for tests to which all are alike. A test leaves it as it found it."""
    return postgres_servers.running(VERSIONS[-1])


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The one that issued the certificates of `tls_postgres` and `other_host_postgres`."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def tls_postgres(
    postgres_servers: PostgresServers, authority: Authority
) -> Iterator[EmbeddedPostgres]:
    """A server with TLS that is who it says: localhost and 127.0.0.1."""
    with postgres_servers.with_tls(authority, "localhost", "127.0.0.1") as server:
        yield server


@pytest.fixture(scope="session")
def other_host_postgres(
    postgres_servers: PostgresServers, authority: Authority
) -> Iterator[EmbeddedPostgres]:
    """A server with TLS whose certificate is another host's."""
    with postgres_servers.with_tls(authority, "db.elsewhere.example", "192.0.2.1") as server:
        yield server
