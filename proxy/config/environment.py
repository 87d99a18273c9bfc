"""A role's environment: references understood and completed by their providers, names checked."""

from collections.abc import Mapping

from protocols.api import Kind
from providers.reference import Reference, parse
from proxy import registry
from proxy.config.problems import Place, Problems, suggestion

Environment = Mapping[str, str | Reference]


def parse_values(
    table: Mapping[str, str | int], place: Place, problems: Problems
) -> dict[str, str | Reference]:
    """Those values that are a literal or a reference."""
    environment: dict[str, str | Reference] = {}
    for name, value in table.items():
        try:
            environment[name] = parse(str(value), registry.providers())
        except ValueError as error:
            problems.add((*place, name), str(error))
    return environment


class EnvironmentReader:
    """Reads one role's `env` table at `place`, and gathers what is wrong with it."""

    def __init__(self, protocol: Kind, place: Place, problems: Problems) -> None:
        self._protocol = protocol
        self._known = {variable.name: variable for variable in protocol.variables}
        self._place = place
        self._problems = problems

    def read(self, table: Mapping[str, str | int]) -> Environment:
        """What could be understood of it."""
        parsed = parse_values(table, self._place, self._problems)
        self._check_names(table)
        environment = self._complete(parsed)
        if environment is None:
            return parsed
        literals = {k: v if isinstance(v, str) else None for k, v in environment.items()}
        missing = {name: None for name in table if name not in environment}  # already told of
        for mistake in self._protocol.check_environment(missing | literals):
            self._add_sentence(mistake)
        return environment

    def _check_names(self, table: Mapping[str, str | int]) -> None:
        for name in table:
            if name not in self._known:
                hint = suggestion(name, self._known)
                self._add(name, f"is not a variable of {self._protocol.kind}{hint}")
        for variable in self._known.values():
            if variable.required and variable.name not in table:
                self._add(variable.name, f"is missing; it is {variable.about}")

    def _complete(self, environment: Environment) -> Environment | None:
        """Let providers add what they make, where this kind of role has a place for it. None where
        one cannot: what is missing then is missing only because of that."""
        used = {value.provider for value in environment.values() if isinstance(value, Reference)}
        defaults = {v.name: v.default for v in self._known.values() if v.default is not None}
        for name in sorted(used):
            complete = getattr(registry.providers()[name], "complete", None)
            if complete is None:
                continue
            try:
                added = complete(defaults | dict(environment))
            except ValueError as error:
                self._add_sentence(str(error))
                return None
            fit = {k: v for k, v in added.items() if k in self._known}
            environment = fit | {k: v for k, v in environment.items() if k not in fit}
        return environment

    def _add_sentence(self, sentence: str) -> None:
        """A sentence that begins with the variable's name."""
        name, _, rest = sentence.partition(" ")
        self._add(name, rest)

    def _add(self, name: str, sentence: str) -> None:
        self._problems.add((*self._place, name), sentence)
