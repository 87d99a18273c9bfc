"""What a suite runs against: a real server, just made, and on demand Keyless in front of it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.conformance.upstreams import ACCOUNT, KINDS, ROLE, Upstream
from tests.keyless import Keyless, role
from tests.secrecy import CANARY


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect and as whom. The database is empty."""

    host: str
    port: int
    user: str
    password: str | None = field(repr=False)  # None: whoever asks is in
    database: str
    server: str
    passwords: Path  # the password again, where libpq looks for it: arguments and environments show
    upstream: Upstream  # the server itself
    keyless: Keyless | None = None  # None: this is the server itself

    @property
    def direct(self) -> bool:
        return self.keyless is None

    def libpq(self) -> dict[str, str]:
        """The environment of libpq, and of whoever reads the same variables."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGDATABASE": self.database,
            "PGPASSFILE": str(self.passwords),
        }


@contextmanager
def direct(kind: str, version: str, settings: Mapping[str, str]) -> Iterator[Target]:
    """A server that was made for this, with nothing in it."""
    with KINDS[kind](version, settings) as upstream, _password_file(CANARY) as passwords:
        yield _target(upstream, upstream.port, CANARY, passwords, None)


@contextmanager
def proxied(
    kind: str, version: str, settings: Mapping[str, str], options: Mapping[str, Any], folder: Path
) -> Iterator[Target]:
    """Another one, just the same, with Keyless before it; its files are in `folder`/keyless.

    `options` are what the role has beside the upstream's own.
    """
    with KINDS[kind](version, settings) as upstream, _password_file(None) as passwords:
        chosen = {**upstream.options, **options}
        lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in chosen.items())
        usual = {"kind": kind, "settings": lines, "USER": upstream.account}
        roles = (
            role(name, upstream.port, **{**usual, **login})
            for name, login in upstream.roles.items()
        )
        with Keyless(folder / "keyless", upstream.settings + "".join(roles)) as keyless:
            yield _target(upstream, keyless.places[ROLE][1], None, passwords, keyless)


@contextmanager
def _password_file(password: str | None) -> Iterator[Path]:
    with TemporaryDirectory(prefix="keyless-") as folder:
        file = Path(folder) / "pgpass"
        file.touch(0o600)
        file.write_text(f"*:*:*:{ACCOUNT}:{password}\n" if password else "")
        yield file


def _target(
    upstream: Upstream,
    port: int,
    password: str | None,
    passwords: Path,
    keyless: Keyless | None,
) -> Target:
    place = "127.0.0.1", port, upstream.account
    return Target(*place, password, ACCOUNT, upstream.name, passwords, upstream, keyless)
