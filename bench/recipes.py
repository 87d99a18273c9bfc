"""How each proxy is told where to listen, what is behind it, and to relay whole sessions.

Keyless is as users run it: one process, its audit on and in a file.
"""

import resource
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tests.servers.debian import Debian, sid
from tests.servers.mysql_flavours import sid_mysql

ACCOUNT = PASSWORD = "bench"
"""Of the databases, for which the password says nothing."""

SOCKET_PORT = 5432
"""The one in the name of every proxy's Unix socket, as PostgreSQL's clients look for it."""

MOST_SESSIONS = min(20_000, (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 200) // 2)
"""Of one proxy: a session has two sockets, and the system bounds what a process may have open."""

_LOCAL = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """The database. `sockets` is the folder of its Unix socket, `authority` the file with whom its
    certificate is by; `password` tells whether its account has to show one."""

    kind: str
    port: int
    sockets: Path | None = None
    authority: Path | None = None
    password: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one proxy stands. `sockets` is where it has a Unix socket, if it listens at one;
    `settings` and `of_role` are further lines of Keyless's configuration."""

    upstream: Upstream
    home: Path
    port: int
    sockets: Path | None
    upstream_by_socket: bool
    settings: str
    of_role: str

    @property
    def upstream_host(self) -> str:
        return str(self.upstream.sockets) if self.upstream_by_socket else _LOCAL


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a proxy is started: its program, what comes before the configuration's name, and what
    makes it tell its version. `system` is where the program is, if not here."""

    program: str
    arguments: Sequence[str]
    version: str
    configuration: Callable[[Place], str]
    system: Callable[[], Debian] | None = None


def sid_postgres() -> Debian:
    """PostgreSQL with TLS that begins at once, and the peers that are not in a stable Debian."""
    return sid("odyssey", "pgbouncer", "postgresql-18")


def _keyless(place: Place) -> str:
    upstream = place.upstream
    listen = f"unix:{place.sockets}" if place.sockets else f"{_LOCAL}:{place.port}"
    lines = [place.settings, "[audit]", 'path = "audit.jsonl"', "[roles.bench]"]
    lines += [f'kind = "{upstream.kind}"', f'listen = "{listen}"', place.of_role]
    if upstream.kind == "mysql":  # whose password goes over without TLS, as it does by the others
        lines += ["allow_public_key_retrieval = true"]
    lines += ["[roles.bench.env]", f'HOST = "{place.upstream_host}"', f"PORT = {upstream.port}"]
    lines += [f'USER = "{ACCOUNT}"', f'DB = "{ACCOUNT}"']
    if upstream.authority:
        lines += ['SSLMODE = "verify-full"', f'SSLROOTCERT = "{upstream.authority}"']
    if upstream.password:
        lines += ['PASS = "_env:BENCH_PASSWORD"']
    elif upstream.kind == "postgres":
        lines += ['REQUIRE_AUTH = "none"']
    if upstream.kind == "mysql":
        lines += ['SSLMODE = "disable"']
    return "\n".join(lines) + "\n"


def _pgbouncer(place: Place) -> str:
    """A session of the server for each of a client, as the others have it."""
    settings = ["pool_mode = session", f"default_pool_size = {MOST_SESSIONS}"]
    return _pooling(place, [*settings, f"max_client_conn = {MOST_SESSIONS}"])


def _pool(place: Place) -> str:
    """Few sessions of the server for many of clients, each of which costs one socket."""
    settings = ["pool_mode = transaction", "default_pool_size = 20"]
    return _pooling(place, [*settings, f"max_client_conn = {MOST_SESSIONS * 2}"])


def _pooling(place: Place, settings: Sequence[str]) -> str:
    upstream = place.upstream
    database = f"host={place.upstream_host} port={upstream.port} user={ACCOUNT}"
    lines = ["[databases]", f"{ACCOUNT} = {database}"]
    if upstream.password:
        lines[-1] += f" password={PASSWORD}"
    lines += ["[pgbouncer]", "auth_type = any", *settings]
    if upstream.authority:
        lines += ["server_tls_sslmode = verify-full"]
        lines += [f"server_tls_ca_file = {upstream.authority}"]
    if place.sockets:
        lines += ["listen_addr =", f"listen_port = {SOCKET_PORT}"]
        lines += [f"unix_socket_dir = {place.sockets}"]
    else:
        lines += [f"listen_addr = {_LOCAL}", f"listen_port = {place.port}", "unix_socket_dir ="]
    return "\n".join(lines) + "\n"


def _haproxy(place: Place) -> str:
    """PostgreSQL takes TLS that begins at once, if it is told by ALPN that it is to; what asks for
    TLS first, as all others here do, HAProxy cannot."""
    upstream = place.upstream
    tls = f" ssl verify required ca-file {upstream.authority} alpn postgresql"
    lines = ["global", f"  maxconn {MOST_SESSIONS}"]
    lines += ["defaults", "  mode tcp", "  timeout connect 5s"]
    lines += ["  timeout client 600s", "  timeout server 600s", "listen database"]
    lines += [f"  bind {_LOCAL}:{place.port}"]
    lines += [f"  server upstream {_LOCAL}:{upstream.port}{tls if upstream.authority else ''}"]
    return "\n".join(lines) + "\n"


def _odyssey(place: Place) -> str:
    return f"""\
daemonize no
log_format "%p %t %l %m\\n"
log_to_stdout no
log_session no
listen {{
    host "{_LOCAL}"
    port {place.port}
}}
storage "upstream" {{
    type "remote"
    host "{_LOCAL}"
    port {place.upstream.port}
}}
database "{ACCOUNT}" {{
    user "{ACCOUNT}" {{
        authentication "none"
        storage "upstream"
        pool "session"
        pool_size 0
    }}
}}
"""


def _mysqlrouter(place: Place) -> str:
    return f"""\
[DEFAULT]
logging_folder = {place.home}
runtime_folder = {place.home}
data_folder = {place.home}
[logger]
level = ERROR
[routing:bench]
bind_address = {_LOCAL}
bind_port = {place.port}
destinations = {_LOCAL}:{place.upstream.port}
routing_strategy = first-available
client_ssl_mode = PASSTHROUGH
server_ssl_mode = AS_CLIENT
max_connect_errors = 1000000
"""


KEYLESS = Recipe("keyless", ("serve", "--config"), "--version", _keyless)
PGBOUNCER = Recipe("pgbouncer", ("-q",), "--version", _pgbouncer)
POOL = Recipe("pgbouncer", ("-q",), "--version", _pool)
HAPROXY = Recipe("haproxy", ("-db", "-f"), "-v", _haproxy)
ODYSSEY = Recipe("odyssey", (), "--version", _odyssey, sid_postgres)
MYSQL_ROUTER = Recipe("mysqlrouter", ("-c",), "--version", _mysqlrouter, sid_mysql)

OF_KIND: Mapping[str, Sequence[Recipe]] = MappingProxyType(
    {
        "postgres": (KEYLESS, PGBOUNCER, HAPROXY, ODYSSEY),
        "mysql": (KEYLESS, HAPROXY, MYSQL_ROUTER),
    }
)
"""The proxies for a kind of database."""
