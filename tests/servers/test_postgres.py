"""The servers that other tests rely on are what they say."""

from typing import Any

import psycopg
import pytest

from proxy.demo.postgres import EmbeddedPostgres
from tests.secrecy import CANARY
from tests.servers.authority import Authority
from tests.servers.postgres import DATABASE, PostgresServers


def _connect(server: EmbeddedPostgres, user: str, **options: Any) -> psycopg.Connection[Any]:
    usual = {"host": "127.0.0.1", "password": CANARY, "connect_timeout": 10}
    settings: dict[str, Any] = usual | options
    return psycopg.connect(port=server.port, dbname=DATABASE, user=user, **settings)


@pytest.mark.parametrize(
    ("user", "method"),
    [
        ("scram_user", "scram-sha-256"),
        ("md5_user", "md5"),
        ("clear_user", "password"),
        ("trust_user", "none"),
    ],
)
def test_each_user_logs_in_by_the_method_of_its_name(
    postgres: EmbeddedPostgres, user: str, method: str
) -> None:
    with _connect(postgres, user, require_auth=method) as connection:
        assert connection.execute("SELECT count(*) FROM accounts").fetchone() == (100,)


def test_a_wrong_password_is_refused(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        _connect(postgres, "scram_user", password="wrong")


def test_tls_user_needs_tls(tls_postgres: EmbeddedPostgres, authority: Authority) -> None:
    verified = {"host": "localhost", "sslmode": "verify-full", "sslrootcert": authority.path}
    with _connect(tls_postgres, "tls_user", channel_binding="require", **verified) as connection:
        assert connection.pgconn.ssl_in_use
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        _connect(tls_postgres, "tls_user", sslmode="disable")


def test_the_address_is_in_the_certificate_too(
    tls_postgres: EmbeddedPostgres, authority: Authority
) -> None:
    _connect(tls_postgres, "tls_user", sslmode="verify-full", sslrootcert=authority.path).close()


def test_a_client_certificate_lets_its_user_in(
    tls_postgres: EmbeddedPostgres, authority: Authority, tmp_path: Any
) -> None:
    certificate, key = authority.issue("cert_user").save(tmp_path, "client")
    _connect(tls_postgres, "cert_user", password="", sslcert=certificate, sslkey=key).close()
    with pytest.raises(psycopg.OperationalError, match="valid client certificate"):
        _connect(tls_postgres, "cert_user", password="", sslcert="", sslmode="require")


def test_the_other_hosts_certificate_is_refused(
    other_host_postgres: EmbeddedPostgres, authority: Authority
) -> None:
    with pytest.raises(psycopg.OperationalError, match="does not match host name"):
        _connect(
            other_host_postgres,
            "tls_user",
            host="localhost",
            sslmode="verify-full",
            sslrootcert=authority.path,
        )


def test_a_fresh_server_has_its_own_data(
    postgres_servers: PostgresServers, latest_postgres: EmbeddedPostgres
) -> None:
    with postgres_servers.fresh(18) as server:
        server.execute("DROP TABLE notes", DATABASE)
        assert server.port != latest_postgres.port
    assert latest_postgres.execute("SELECT count(*) FROM notes", DATABASE) == "10\n"
