"""A role of kind `command`, made of its table: the variables that commands are given. It is no
protocol's, and has no listener and no upstream.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from providers.reference import Reference
from proxy.config.environment import parse_values
from proxy.config.problems import Place, Problems, suggestion
from proxy.config.roles import check_name
from proxy.config.schema import Allow

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_OF_LISTENERS = ("listen", "allow_unauthenticated")


@dataclass(frozen=True, slots=True)
class CommandRole:
    """The environment of a command, of literals and references; those in `files` it gets as paths
    of files."""

    name: str
    allow: Allow
    environment: Mapping[str, str | Reference] = field(repr=False)
    files: tuple[str, ...]


class _CommandTable(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["command"]
    allow: Allow = Allow()
    env: Mapping[str, str | int] = {}
    files: tuple[str, ...] = ()


class CommandReader:
    """Reads one role's table."""

    def __init__(self, name: str, problems: Problems) -> None:
        self._name = name
        self._problems = problems

    def read(self, raw: Mapping[str, Any]) -> CommandRole | None:
        """The role, or None where its mistakes were gathered."""
        before = len(self._problems.found)
        check_name(self._name, self._problems)
        table = self._table(raw)
        if table is None:
            return None
        environment = parse_values(table.env, self._place("env"), self._problems)
        for name in table.env:
            if not _NAME.fullmatch(name):
                self._add("is no variable's name; use letters, digits and '_'", "env", name)
        for name in table.files:
            if name not in table.env:
                self._add(f"{name!r} is not in env{suggestion(name, table.env)}", "files")
        if len(self._problems.found) > before:
            return None
        return CommandRole(self._name, table.allow, environment, table.files)

    def _table(self, raw: Mapping[str, Any]) -> _CommandTable | None:
        for setting in _OF_LISTENERS:
            if setting in raw:
                self._add(
                    "is nothing that a command has, for nobody connects to it; leave it out, and "
                    f"run `keyless exec {self._name} -- COMMAND`",
                    setting,
                )
        rest = {name: value for name, value in raw.items() if name not in _OF_LISTENERS}
        return self._problems.validated(
            lambda: _CommandTable.model_validate(rest), self._place(), _CommandTable.model_fields
        )

    def _place(self, *place: str) -> Place:
        return ("roles", self._name, *place)

    def _add(self, sentence: str, *place: str) -> None:
        self._problems.add(self._place(*place), sentence)
