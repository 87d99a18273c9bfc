"""`keyless.toml`, read and validated whole: all that the rest of the proxy is told about it.

No secret is read here.
"""

import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from protocols.api import Endpoint, TcpEndpoint
from providers.reference import Reference
from proxy import registry
from proxy.addresses import is_loopback
from proxy.config.commands import CommandReader, CommandRole
from proxy.config.problems import ConfigError, Place, Problem, Problems, suggestion
from proxy.config.roles import BEYOND_LOOPBACK, Role, RoleReader
from proxy.config.schema import (
    COMMAND,
    Allow,
    AuditConfig,
    File,
    Limits,
    MetricsConfig,
    SecretSettings,
    SshSettings,
    Timeouts,
)

__all__ = ["Allow", "CommandRole", "Config", "ConfigError", "Role", "load", "parse_text"]


@dataclass(frozen=True, slots=True)
class Config:
    """A file in order."""

    path: Path
    audit: AuditConfig
    timeouts: Timeouts
    secrets: SecretSettings
    metrics: MetricsConfig
    limits: Limits
    ssh: SshSettings
    log_level: str
    workers: int
    roles: Mapping[str, Role]
    """Those that clients connect to."""
    commands: Mapping[str, CommandRole]
    """Those that commands are run with."""
    listen: Mapping[str, Endpoint]
    """By kind, where all roles of it are."""
    text: str = field(repr=False)
    """The file's own, for other processes that are to go by it."""

    def where(self, role: Role) -> Endpoint | None:
        """The role's own listener, or else the one that it shares with all of its kind."""
        return role.listen or self.listen.get(role.protocol.kind)

    def all_roles(self) -> Sequence[Role | CommandRole]:
        """Of whatever kind."""
        return [*self.roles.values(), *self.commands.values()]

    def references(self) -> Iterator[Reference]:
        """What all roles read."""
        for role in self.all_roles():
            values = role.environment.values()
            yield from (value for value in values if isinstance(value, Reference))


def load(path: Path) -> Config:
    """Read and validate a file. Raises ConfigError with every mistake in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        why = f"it cannot be read: {error.strerror}; --config names another file"
        raise ConfigError(path, [Problem("", why)]) from None
    except UnicodeDecodeError:
        raise ConfigError(path, [Problem("", "it is not UTF-8 text")]) from None
    return parse_text(text, path)


def parse_text(text: str, path: Path) -> Config:
    """Validate a file's text. Paths in it are relative to the folder of `path`."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(path, [Problem("", f"it is not TOML: {error}")]) from None
    problems = Problems()
    file = problems.validated(lambda: File.model_validate(table), (), File.model_fields)
    roles = _roles(table, problems)
    commands = _commands(table, problems)
    if file is not None:
        _check_shared(file, problems)
        _check_workers(file.workers, problems)
    _find_clashes(roles, file.listen if file else {}, problems)
    if problems.found or file is None:
        raise ConfigError(path, problems.found)
    return Config(
        path=path,
        audit=file.audit,
        timeouts=file.timeouts,
        secrets=file.secrets,
        metrics=file.metrics,
        limits=file.limits,
        ssh=file.ssh,
        log_level=file.log_level,
        workers=file.workers,
        roles=roles,
        commands=commands,
        listen=file.listen,
        text=text,
    )


def _roles(table: Mapping[str, Any], problems: Problems) -> Mapping[str, Role]:
    """The roles that are in order; also of a file that is not, so that all mistakes are found."""
    open_to_all = table.get("allow_unauthenticated") is True
    read = (
        RoleReader(name, problems, open_to_all=open_to_all).read(raw)
        for name, raw in _raw_roles(table)
        if not _is_command(raw)
    )
    return {role.name: role for role in read if role is not None}


def _commands(table: Mapping[str, Any], problems: Problems) -> Mapping[str, CommandRole]:
    raw_commands = ((name, raw) for name, raw in _raw_roles(table) if _is_command(raw))
    read = (CommandReader(name, problems).read(raw) for name, raw in raw_commands)
    return {role.name: role for role in read if role is not None}


def _raw_roles(table: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    raw = table.get("roles")
    return raw.items() if isinstance(raw, dict) else ()


def _is_command(raw: Any) -> bool:
    return isinstance(raw, dict) and raw.get("kind") == COMMAND


def _check_shared(file: File, problems: Problems) -> None:
    kinds = registry.protocols()
    for kind, endpoint in file.listen.items():
        if kind == COMMAND:
            problems.add(("listen", kind), "is nothing to listen for; leave it out")
        elif kind not in kinds:
            problems.add(("listen", kind), f"is not a kind of role{suggestion(kind, kinds)}")
        elif kinds[kind].speaks_first:
            problems.add(
                ("listen", kind),
                "cannot be shared, for its clients are greeted before they can name a role; give "
                "each role a listen of its own",
            )
        if not is_loopback(endpoint) and not file.allow_unauthenticated:
            problems.add(("listen", kind), BEYOND_LOOPBACK)


def _check_workers(count: int, problems: Problems) -> None:
    if count > 1 and not sys.platform.startswith("linux"):
        problems.add(("workers",), "can only be 1 where the system is not Linux")


def _find_clashes(
    roles: Mapping[str, Role], shared: Mapping[str, Endpoint], problems: Problems
) -> None:
    users: dict[Endpoint, list[tuple[Place, str]]] = defaultdict(list)
    for kind, endpoint in shared.items():
        users[endpoint].append((("listen", kind), f"all {kind} roles"))
    for role in roles.values():
        if role.listen is not None:
            users[role.listen].append((("roles", role.name, "listen"), f"role {role.name}"))
    for endpoint, listeners in users.items():
        for place, _ in listeners[1:] if not _any_port(endpoint) else ():
            first = listeners[0][1]
            problems.add(place, f"{endpoint} is already the listener of {first}; give each its own")


def _any_port(endpoint: Endpoint) -> bool:
    return isinstance(endpoint, TcpEndpoint) and endpoint.port == 0
