"""Mistakes in a configuration file, collected and worded. No wording repeats a value."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

Place = tuple[str | int, ...]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where it is in the file, and a sentence that says what to write instead."""

    place: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.place}: {self.sentence}" if self.place else self.sentence


class ConfigError(Exception):
    """The file is not right; `problems` are all there is to mend."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        listed = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"{path} is not right; nothing was started.\n{listed}")
        self.problems = tuple(problems)


class Problems:
    """Gathers mistakes so that one run shows them all."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, place: Iterable[str | int], sentence: str) -> None:
        self.found.append(Problem(".".join(map(str, place)), sentence))

    def validated(self, validate: Callable[[], T], place: Place, known: Iterable[str]) -> T | None:
        """What `validate` returns, or None where pydantic found mistakes, now gathered."""
        try:
            return validate()
        except ValidationError as error:
            for mistake in error.errors(include_input=False, include_url=False):
                self.add((*place, *mistake["loc"]), _sentence(mistake, known))
            return None


def suggestion(name: str, known: Iterable[str]) -> str:
    """`; did you mean NAME? (known: ...)`."""
    names = sorted(known)
    close = get_close_matches(name, names, n=1)
    guess = f"; did you mean {close[0]}?" if close else ""
    return f"{guess} (known: {', '.join(names)})"


def _sentence(mistake: Any, known: Iterable[str]) -> str:
    match mistake["type"]:
        case "extra_forbidden" | "unexpected_keyword_argument":
            hint = suggestion(str(mistake["loc"][-1]), known) if len(mistake["loc"]) == 1 else ""
            return f"is not a setting{hint}"
        case "missing":
            return "is missing"
        case "value_error":
            return str(mistake["ctx"]["error"])
    message = str(mistake["msg"])
    return message[0].lower() + message[1:]
