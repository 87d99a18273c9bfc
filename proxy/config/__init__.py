"""`keyless.toml`, read and validated whole: all that the rest of the proxy is told about it.

No secret is read here.
"""

import tomllib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protocols.api import Endpoint, TcpEndpoint
from proxy.config.problems import ConfigError, Problem, Problems
from proxy.config.roles import Role, RoleReader
from proxy.config.schema import (
    Allow,
    AuditConfig,
    File,
    Limits,
    MetricsConfig,
    SecretSettings,
    Timeouts,
)

__all__ = ["Allow", "Config", "ConfigError", "Role", "load", "parse_text"]


@dataclass(frozen=True, slots=True)
class Config:
    """A file in order."""

    path: Path
    audit: AuditConfig
    timeouts: Timeouts
    secrets: SecretSettings
    metrics: MetricsConfig
    limits: Limits
    log_level: str
    roles: Mapping[str, Role]


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
    _find_clashes(roles, problems)
    if problems.found or file is None:
        raise ConfigError(path, problems.found)
    return Config(
        path=path,
        audit=file.audit,
        timeouts=file.timeouts,
        secrets=file.secrets,
        metrics=file.metrics,
        limits=file.limits,
        log_level=file.log_level,
        roles=roles,
    )


def _roles(table: Mapping[str, Any], problems: Problems) -> Mapping[str, Role]:
    """The roles that are in order; also of a file that is not, so that all mistakes are found."""
    raw = table.get("roles")
    if not isinstance(raw, dict):
        return {}
    open_to_all = table.get("allow_unauthenticated") is True
    read = (RoleReader(name, problems, open_to_all=open_to_all).read(raw[name]) for name in raw)
    return {role.name: role for role in read if role is not None}


def _find_clashes(roles: Mapping[str, Role], problems: Problems) -> None:
    users: dict[Endpoint, list[str]] = defaultdict(list)
    for role in roles.values():
        if role.listen is not None and not _any_port(role.listen):
            users[role.listen].append(role.name)
    for endpoint, names in users.items():
        for name in names[1:]:
            problems.add(
                ("roles", name, "listen"),
                f"{endpoint} is already the listener of role {names[0]}; give each its own",
            )


def _any_port(endpoint: Endpoint) -> bool:
    return isinstance(endpoint, TcpEndpoint) and endpoint.port == 0
