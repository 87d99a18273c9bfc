"""The servers of MySQL's family are what the tests believe: each account logs in as they say."""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.secrecy import CANARY, canary
from tests.servers.authority import Authority
from tests.servers.debian import installed
from tests.servers.mysql import DATABASE, MysqlServers
from tests.servers.mysql_flavours import NATIVE, PLUGINS, SHA2, sid_mariadb, sid_mysql
from tests.servers.mysql_programs import run
from tests.servers.mysqld import HOST, OTHER_HOST, MysqlServer

_ACCOUNTS = [(name, plugin) for name, plugins in PLUGINS.items() for plugin in plugins]
_QUERY = "SELECT concat(current_user(), ' ', owner) FROM accounts WHERE id = 7"
_PLAIN = {"mysqld": "--ssl-mode=DISABLED", "mariadbd": "--skip-ssl"}
_VERIFIED = {"mysqld": "--ssl-mode=VERIFY_IDENTITY", "mariadbd": "--ssl-verify-server-cert"}
_DENIED = "ERROR 1045 (28000)"


def _log_in(
    server: MysqlServer,
    user: str,
    *options: str | Path,
    password: str | None = CANARY,
    host: str = HOST,
) -> str:
    """What the latest client of the server's makers is told, or why it is not let in."""
    mysql = server.flavour.daemon == "mysqld"
    debian, program = (sid_mysql(), "mysql") if mysql else (sid_mariadb(), "mariadb")
    words = [*options, "--batch", "--skip-column-names", f"--execute={_QUERY}", DATABASE]
    port = server.port
    done = run(debian, program, *words, host=host, port=port, user=user, password=password)
    return done.stdout.strip() or done.stderr


@pytest.mark.parametrize(("name", "plugin"), _ACCOUNTS)
def test_every_account_logs_in_by_its_plugin(
    mysql_servers: MysqlServers, name: str, plugin: str
) -> None:
    server = mysql_servers.running(name)
    told = server.execute("SELECT plugin FROM mysql.user WHERE user = %s", plugin)
    assert told == [(plugin,)]
    assert _log_in(server, plugin) == f"{plugin}@% owner 7"
    assert _log_in(server, plugin, host=str(server.socket)) == f"{plugin}@% owner 7"
    assert _DENIED in _log_in(server, plugin, password=canary("-wrong"))


@pytest.mark.parametrize(("name", "plugin"), _ACCOUNTS)
def test_a_rotated_password_replaces_the_one_before_and_nothing_else(
    mysql_servers: MysqlServers, name: str, plugin: str
) -> None:
    server = mysql_servers.running(name)
    server.set_password(plugin, canary("-rotated"))
    try:
        assert _DENIED in _log_in(server, plugin)
        assert _log_in(server, plugin, password=canary("-rotated")) == f"{plugin}@% owner 7"
        told = server.execute("SELECT plugin FROM mysql.user WHERE user = %s", plugin)
    finally:
        server.set_password(plugin, CANARY)
    assert told == [(plugin,)]


def test_tls_is_who_it_says_at_one_address_only(
    any_mysql: MysqlServer, authority: Authority
) -> None:
    verified = _VERIFIED[any_mysql.flavour.daemon]
    options = (verified, f"--ssl-ca={authority.path}")
    assert _log_in(any_mysql, "tls_user", *options) == "tls_user@% owner 7"
    assert "ERROR 2026 (HY000)" in _log_in(any_mysql, "tls_user", *options, host=OTHER_HOST)


def test_who_must_use_tls_is_not_let_in_without(any_mysql: MysqlServer) -> None:
    plain = _PLAIN[any_mysql.flavour.daemon]
    assert _DENIED in _log_in(any_mysql, "tls_user", plain)


def test_who_must_show_a_certificate_is_let_in_with_one_of_the_authority(
    any_mysql: MysqlServer, authority: Authority, tmp_path: Path
) -> None:
    certificate, key = authority.issue("client").save(tmp_path, "client")
    shown = (f"--ssl-ca={authority.path}", f"--ssl-cert={certificate}", f"--ssl-key={key}")
    assert _log_in(any_mysql, "cert_user", *shown) == "cert_user@% owner 7"
    assert _DENIED in _log_in(any_mysql, "cert_user")


def test_without_tls_the_password_goes_by_the_servers_rsa_key(mysql_servers: MysqlServers) -> None:
    with mysql_servers.fresh("mysql") as server:  # which remembers no password
        plain = "--ssl-mode=DISABLED"
        assert "requires secure connection" in _log_in(server, SHA2, plain)
        told = _log_in(server, SHA2, plain, "--get-server-public-key")
    assert told == f"{SHA2}@% owner 7"


def test_the_administrator_comes_by_the_socket_alone(any_mysql: MysqlServer) -> None:
    name = any_mysql.flavour.administrator
    local = _log_in(any_mysql, name, host=str(any_mysql.socket), password=None)
    assert local == f"{name}@localhost owner 7"
    assert _DENIED in _log_in(any_mysql, name, password=None)


def test_mariadb_knows_its_administrator_by_the_socket(mariadb: MysqlServer) -> None:
    us = pwd.getpwuid(os.geteuid()).pw_name
    told = mariadb.execute("SELECT json_extract(priv, '$.auth_or') FROM mysql.global_priv")
    assert mariadb.flavour.administrator == us
    assert any("unix_socket" in str(row) for row in told)


def test_this_machines_client_logs_in_too(mariadb: MysqlServer) -> None:
    debian = installed("mariadb", "mariadb-client")
    words = (f"--execute={_QUERY}", DATABASE)
    done = run(debian, "mariadb", *words, port=mariadb.port, user=NATIVE, password=CANARY)
    assert "owner 7" in done.stdout


@pytest.fixture
def stopped(mysql_servers: MysqlServers) -> Iterator[MysqlServer]:
    with mysql_servers.fresh("mariadb") as server:
        server.stop()
        yield server


def test_it_starts_again_where_it_was(stopped: MysqlServer) -> None:
    port = stopped.port
    assert "ERROR 2002 (HY000)" in _log_in(stopped, NATIVE)
    stopped.start()
    assert (stopped.port, _log_in(stopped, NATIVE)) == (port, f"{NATIVE}@% owner 7")
