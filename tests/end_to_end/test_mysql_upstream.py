"""How MySQL and MariaDB are logged in to: by each plugin, over each kind of connection."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import StartKeyless
from tests.end_to_end.mysql import ask, connect, mysql_role, refused
from tests.keyless import WRONG_PASSWORD, Keyless
from tests.servers.authority import Authority
from tests.servers.mysql import MysqlServers
from tests.servers.mysql_flavours import NATIVE, PLUGINS, SHA2, SHA256
from tests.servers.mysqld import OTHER_HOST, MysqlServer

_ACCOUNTS = [(name, plugin) for name, plugins in PLUGINS.items() for plugin in plugins]
_WAYS = ("disable", "prefer", "require", "verify-ca", "verify-full", "socket")
_ENCRYPTS = (SHA2, SHA256)  # the plugins that would send the password, and so need a key for it
accounts = pytest.mark.parametrize(("name", "plugin"), _ACCOUNTS)
ways = pytest.mark.parametrize("way", _WAYS)


def _environment(server: MysqlServer, authority: Authority, way: str) -> dict[str, Any]:
    if way == "socket":
        return {"HOST": str(server.socket), "PORT": None}
    verified = {"SSLROOTCERT": authority.pem} if way.startswith("verify") else {}
    return {"SSLMODE": way, **verified}


@pytest.fixture(scope="module")
def proxy(artefacts: Path, mysql_servers: MysqlServers, authority: Authority) -> Iterator[Keyless]:
    """A role NAME-PLUGIN-WAY for each account and way to its server, and one with a wrong password
    for each account. Without TLS, the server's key is pinned where it has one."""
    roles = []
    for name, plugin in _ACCOUNTS:
        server = mysql_servers.running(name)
        for way in _WAYS:
            more = _environment(server, authority, way)
            if way == "disable" and plugin in _ENCRYPTS:
                more["SERVER_PUBLIC_KEY"] = server.public_key
            roles.append(mysql_role(f"{name}-{plugin}-{way}", server, plugin, **more))
        roles.append(mysql_role(f"{name}-{plugin}-wrong", server, plugin, PASS=WRONG_PASSWORD))
    with Keyless(artefacts / "mysql-upstream", "".join(roles)) as running:
        yield running


@ways
@accounts
def test_every_plugin_logs_in_every_way(
    proxy: Keyless, mysql_servers: MysqlServers, name: str, plugin: str, way: str
) -> None:
    """The server remembers no password, so that each plugin goes its whole way."""
    mysql_servers.running(name).execute("FLUSH PRIVILEGES")
    role = f"{name}-{plugin}-{way}"
    audit = proxy.audit()
    with closing(connect(proxy, role)) as session:
        assert ask(session, "SELECT current_user(), database()") == [(f"{plugin}@%", "app")]
        ((_, cipher),) = ask(session, "SHOW SESSION STATUS LIKE 'Ssl_cipher'")
    facts = audit.one("session.start", role=role)["facts"]
    encrypted = way not in ("disable", "socket")
    assert (bool(cipher), facts["tls"]) == (encrypted, "TLSv1.3" if encrypted else "none")
    assert facts["method"].removeprefix("client_") == plugin


@accounts
def test_a_wrong_password_is_refused(proxy: Keyless, name: str, plugin: str) -> None:
    code, sentence = refused(proxy, f"{name}-{plugin}-wrong")
    assert code == 1045
    assert sentence.startswith(f'upstream of role "{name}-{plugin}-wrong" refused the login; ')


@pytest.fixture(scope="module")
def strict(
    artefacts: Path,
    mysql: MysqlServer,
    mariadb: MysqlServer,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Keyless]:
    """Roles with more to prove, and roles whose upstream cannot prove enough."""
    stranger = Authority(tmp_path_factory.mktemp("stranger"))
    client, unknown = authority.issue("client"), stranger.issue("client")
    shown = {"SSLCERT": client.certificate, "SSLKEY": client.key}
    roles = []
    for server, user, kind in ((mysql, SHA2, "mysql"), (mariadb, NATIVE, "mariadb")):
        verified = {"SSLMODE": "verify-full", "SSLROOTCERT": authority.pem}
        roles += [
            mysql_role(f"{kind}-tls", server, "tls_user", SSLMODE="REQUIRED"),
            mysql_role(f"{kind}-tls-without", server, "tls_user", SSLMODE="DISABLED"),
            mysql_role(f"{kind}-certificate", server, "cert_user", **verified, **shown),
            mysql_role(f"{kind}-no-certificate", server, "cert_user", **verified),
            mysql_role(
                f"{kind}-unknown-certificate",
                server,
                "cert_user",
                **verified,
                SSLCERT=unknown.certificate,
                SSLKEY=unknown.key,
            ),
            mysql_role(f"{kind}-elsewhere", server, user, HOST=OTHER_HOST, **verified),
            mysql_role(
                f"{kind}-elsewhere-ca",
                server,
                user,
                HOST=OTHER_HOST,
                SSLMODE="VERIFY_CA",
                SSLROOTCERT=authority.pem,
            ),
            mysql_role(
                f"{kind}-stranger",
                server,
                user,
                SSLMODE="VERIFY_IDENTITY",
                SSLROOTCERT=stranger.pem,
            ),
        ]
    with Keyless(artefacts / "mysql-strict", "".join(roles)) as running:
        yield running


@pytest.mark.parametrize("kind", ["mysql", "mariadb"])
@pytest.mark.parametrize("role", ["tls", "certificate", "elsewhere-ca"])
def test_what_is_demanded_is_shown(strict: Keyless, kind: str, role: str) -> None:
    with closing(connect(strict, f"{kind}-{role}")) as session:
        assert ask(session, "SELECT database()") == [("app",)]


@pytest.mark.parametrize("kind", ["mysql", "mariadb"])
@pytest.mark.parametrize(
    ("role", "code", "told"),
    [
        ("tls-without", 1045, "refused the login"),
        ("no-certificate", 1045, "refused the login"),
        ("unknown-certificate", 1045, "did not accept the role's certificate"),
        ("elsewhere", 1105, "its TLS certificate was not accepted"),
        ("stranger", 1105, "its TLS certificate was not accepted"),
    ],
)
def test_what_is_not_proved_is_refused(
    strict: Keyless, kind: str, role: str, code: int, told: str
) -> None:
    number, sentence = refused(strict, f"{kind}-{role}")
    assert (number, told in sentence) == (code, True), sentence


def test_without_tls_a_key_is_pinned_or_trusted_or_there_is_no_login(
    mysql: MysqlServer, start_keyless: StartKeyless, tmp_path: Path
) -> None:
    plain = {"SSLMODE": "disable"}
    (tmp_path / "public_key.pem").write_text(mysql.public_key.rstrip("\0"))
    trusting = "allow_public_key_retrieval = true"
    keyless = start_keyless(
        mysql_role(
            "pinned", mysql, SHA2, **plain, SERVER_PUBLIC_KEY=f"_file:{tmp_path}/public_key.pem"
        )
        + mysql_role("trusting", mysql, SHA2, **plain, settings=trusting)
        + mysql_role("careful", mysql, SHA2, **plain)
    )
    for name in ("pinned", "trusting"):
        mysql.execute("FLUSH PRIVILEGES")
        with closing(connect(keyless, name)) as session:
            assert ask(session, "SELECT 1") == [(1,)]
    mysql.execute("FLUSH PRIVILEGES")
    code, sentence = refused(keyless, "careful")
    assert (code, "SERVER_PUBLIC_KEY" in sentence) == (1105, True)
    connect(keyless, "pinned").close()
    with closing(connect(keyless, "careful")) as session:  # the server remembers: no key is needed
        assert ask(session, "SELECT 1") == [(1,)]
