"""MySQL's family: the servers that Debian has, where each comes from and how it differs."""

import os
import pwd
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from tests.servers.debian import Debian, installed, sid

NATIVE, SHA2, SHA256 = "mysql_native_password", "caching_sha2_password", "sha256_password"
ED25519, PARSEC = "ed25519", "parsec"

PLUGINS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "mysql": (SHA2, SHA256),
        "mariadb": (NATIVE, ED25519),
        "latest_mariadb": (NATIVE, ED25519, PARSEC, SHA2),
    }
)
"""Each server, and the plugins of its accounts; `tls_user` and `cert_user` log in by the first."""


@dataclass(frozen=True, kw_only=True)
class Flavour:
    """One of the family's servers, and what is particular to it.

    `identified` and `password` are how SQL says an account's plugin and password. `create` is the
    command that makes a data directory. `settings` hold whenever the server or `create` runs.
    """

    debian: Debian
    daemon: str
    create: Sequence[str]
    administrator: str
    identified: str
    password: str
    settings: Mapping[str, str]


def sid_mysql() -> Debian:
    """MySQL's programs, the server and its clients."""
    return sid("mysql-server-core", "mysql-client-core", "mysql-router")


def sid_mariadb() -> Debian:
    """MariaDB's programs in their latest version."""
    return sid("mariadb-server")


def _mysql() -> Flavour:
    return Flavour(
        debian=sid_mysql(),
        daemon="mysqld",
        create=("mysqld", "--no-defaults", "--initialize-insecure"),
        administrator="root",
        identified="IDENTIFIED WITH {plugin} BY %s",
        password="%s",
        settings={"mysqlx": "OFF", "skip-log-bin": "ON", "innodb-redo-log-capacity": "32M"},
    )


def _mariadb(debian: Debian, plugins: str) -> Flavour:
    us = pwd.getpwuid(os.geteuid()).pw_name
    create = ("mariadb-install-db", "--no-defaults", "--force", "--skip-test-db")
    administrator = ("--auth-root-authentication-method=socket", f"--auth-root-socket-user={us}")
    return Flavour(
        debian=debian,
        daemon="mariadbd",
        create=(*create, *administrator),
        administrator=us,
        identified="IDENTIFIED VIA {plugin} USING PASSWORD(%s)",
        password="PASSWORD(%s)",
        settings={"innodb-log-file-size": "32M", "plugin-load-add": plugins},
    )


def _own_mariadb() -> Flavour:
    return _mariadb(installed("mariadbd", "mariadb-server"), "auth_ed25519")


def _latest_mariadb() -> Flavour:
    return _mariadb(sid_mariadb(), "auth_ed25519;auth_parsec;auth_mysql_sha2")


FLAVOURS: Mapping[str, Callable[[], Flavour]] = MappingProxyType(
    {"mysql": _mysql, "mariadb": _own_mariadb, "latest_mariadb": _latest_mariadb}
)
