"""Mistakes are gathered and worded."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from proxy.config.problems import ConfigError, Problem, Problems, suggestion


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int


def _told(table: dict[str, object]) -> list[str]:
    problems = Problems()
    read = problems.validated(lambda: _Table.model_validate(table), ("here",), ["size"])
    assert (read is None) == bool(problems.found)
    return [str(problem) for problem in problems.found]


def test_what_is_right_is_handed_on() -> None:
    problems = Problems()
    assert problems.validated(lambda: _Table(size=3), (), ()) == _Table(size=3)
    assert problems.found == []


def test_each_mistake_has_its_place_and_sentence() -> None:
    assert _told({}) == ["here.size: is missing"]
    assert _told({"size": "three"}) == [
        "here.size: input should be a valid integer, unable to parse string as an integer"
    ]
    assert _told({"size": 1, "sise": 2}) == [
        "here.sise: is not a setting; did you mean size? (known: size)"
    ]


def test_the_nearest_name_is_suggested() -> None:
    assert suggestion("hst", ["port", "host"]) == "; did you mean host? (known: host, port)"
    assert suggestion("quite else", ["port", "host"]) == " (known: host, port)"


def test_an_error_lists_them_all() -> None:
    error = ConfigError(Path("a.toml"), [Problem("x.y", "is wrong"), Problem("", "is odd")])
    assert str(error) == "a.toml is not right; nothing was started.\n  x.y: is wrong\n  is odd"
