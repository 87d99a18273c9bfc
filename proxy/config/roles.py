"""A role's table, made into a `Role`: its kind's variables checked, its references understood."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from pydantic import ConfigDict, TypeAdapter, with_config

from protocols.api import Endpoint, Kind
from providers.reference import Reference
from proxy import registry
from proxy.addresses import is_loopback
from proxy.config.environment import EnvironmentReader
from proxy.config.problems import Problems, suggestion
from proxy.config.schema import COMMAND, Allow, RoleTable

BEYOND_LOOPBACK = (
    "is beyond loopback, where Keyless cannot tell who a client is; listen on 127.0.0.1 or a Unix "
    "socket, or write allow_unauthenticated = true to let everybody in who can reach it"
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class Role:
    """A named target: its protocol, and an environment of literals and references.

    A literal may be a password that somebody wrote down after all, so the repr leaves it out.
    """

    name: str
    protocol: Kind = field(repr=False)
    listen: Endpoint | None
    allow: Allow
    environment: Mapping[str, str | Reference] = field(repr=False)
    options: Any


def check_name(name: str, problems: Problems) -> None:
    if not _NAME.fullmatch(name):
        sentence = "is no role name; use letters, digits, '.', '_' and '-', at most 63"
        problems.add(("roles", name), sentence)


class RoleReader:
    """Reads one role's table; `open_to_all` is the file's own word on unauthenticated listeners."""

    def __init__(self, name: str, problems: Problems, *, open_to_all: bool) -> None:
        self._name = name
        self._problems = problems
        self._open_to_all = open_to_all

    def read(self, raw: Any) -> Role | None:
        """The role, or None where its mistakes were gathered."""
        before = len(self._problems.found)
        check_name(self._name, self._problems)
        table = self._problems.validated(
            lambda: RoleTable.model_validate(raw), ("roles", self._name), RoleTable.model_fields
        )
        protocol = self._protocol(table)
        if table is None or protocol is None:
            return None
        self._check_listener(table)
        options = self._options(table, protocol)
        place = ("roles", self._name, "env")
        environment = EnvironmentReader(protocol, place, self._problems).read(table.env)
        if options is not None and protocol.logs_in_ahead(options):
            self._check_secrets_are_kept(environment)
        if len(self._problems.found) > before:
            return None
        return Role(self._name, protocol, table.listen, table.allow, environment, options)

    def _add(self, sentence: str, *place: str) -> None:
        self._problems.add(("roles", self._name, *place), sentence)

    def _protocol(self, table: RoleTable | None) -> Kind | None:
        if table is None:
            return None
        protocol = registry.protocols().get(table.kind)
        if protocol is None:
            hint = suggestion(table.kind, {*registry.protocols(), COMMAND})
            self._add(f"{table.kind!r} is not a kind of role{hint}", "kind")
        return protocol

    def _check_listener(self, table: RoleTable) -> None:
        allowed = table.allow_unauthenticated
        if allowed is None:
            allowed = self._open_to_all
        if table.listen is not None and not is_loopback(table.listen) and not allowed:
            self._add(BEYOND_LOOPBACK, "listen")

    def _check_secrets_are_kept(self, environment: Mapping[str, str | Reference]) -> None:
        """A login for a session to come has no secret that is made for one session."""
        used = {value.provider for value in environment.values() if isinstance(value, Reference)}
        for name in sorted(used):
            if registry.providers()[name].makes_secrets:
                self._add(
                    f"has no use with _{name}, which makes a secret for each session", "spares"
                )

    def _options(self, table: RoleTable, protocol: Kind) -> Any:
        adapter: TypeAdapter[Any] = TypeAdapter(
            with_config(ConfigDict(extra="forbid"))(protocol.options)
        )
        known = {*RoleTable.model_fields, *(option.name for option in fields(protocol.options))}
        return self._problems.validated(
            lambda: adapter.validate_python(table.model_extra), ("roles", self._name), known
        )
