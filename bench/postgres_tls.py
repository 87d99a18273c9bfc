"""A PostgreSQL with TLS that begins as its protocol has it, or at once, as all HAProxy can do.

The demo's servers are built without TLS, and a stable Debian's do not take it at once. So the
demo's makes the data, and sid's, which is of the same version, takes them over.
"""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench.plan import Notes
from bench.ports import await_port
from bench.postgres import Database, Programs, database
from bench.recipes import sid_postgres
from tests.servers.authority import Authority
from tests.servers.debian import ENVIRONMENT

_VERSION = 18
_SERVER = f"/usr/lib/postgresql/{_VERSION}/bin/postgres"
_SETTINGS = ("-c", "ssl=on", "-c", "dynamic_shared_memory_type=mmap")  # sid has no /dev/shm
_CLIENTS = Path("/usr/lib/postgresql/15/bin")  # a stable Debian's, which have TLS
_PATIENCE = 30.0


@contextmanager
def database_with_tls(folder: Path, notes: Notes) -> Iterator[Database]:
    """Its certificate is for 127.0.0.1."""
    debian = sid_postgres()
    authority = Authority(folder)
    issued = authority.issue("server", "localhost", "127.0.0.1")
    files = {"server.crt": issued.certificate, "server.key": issued.key}
    with database(folder, notes, version=_VERSION, files=files) as base:
        base.server.stop()
        place = ("-D", base.server.data, "-p", str(base.server.port))
        process = subprocess.Popen(
            debian.unprivileged(_SERVER, *place, *_SETTINGS),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=ENVIRONMENT,
        )
        try:
            await_port("PostgreSQL with TLS", base.server.port, _PATIENCE)
            version = base.server.execute("SHOW server_version").strip()
            notes.programs["postgres with TLS"] = version
            upstream = replace(base.upstream, authority=authority.path)
            yield Database(base.server, upstream, Programs(_CLIENTS, folder))
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
