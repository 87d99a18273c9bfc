"""A provider completes what a role leaves to it: RDS IAM's USER makes PASS, in the right place."""

from dataclasses import replace

import pytest

from protocols.postgres import POSTGRES
from providers.reference import Reference
from proxy.config.environment import Environment, EnvironmentReader
from proxy.config.problems import Problems
from tests.secrecy import CANARY

_HOST = "db.abc.eu-central-1.rds.amazonaws.com"
_IAM = {"HOST": _HOST, "USER": "_aws_iam_rds:app"}


def _read(
    table: dict[str, str | int], *, without: tuple[str, ...] = ()
) -> tuple[Environment, list[str]]:
    """As a role of a kind that lacks some of the variables of postgres."""
    variables = tuple(v for v in POSTGRES.variables if v.name not in without)
    problems = Problems()
    reader = EnvironmentReader(
        replace(POSTGRES, variables=variables), ("roles", "app", "env"), problems
    )
    environment = reader.read(table)
    return environment, [str(problem) for problem in problems.found]


def _token(port: int) -> dict[str, Reference]:
    account = f"app@{_HOST}:{port}"
    keys = {"USER": "username", "PASS": "authtoken"}
    return {name: Reference("aws_iam_rds", account, key) for name, key in keys.items()}


def test_a_role_without_anything_to_complete_is_as_written() -> None:
    table: dict[str, str | int] = {"HOST": "db", "USER": "app", "PASS": CANARY}
    assert _read(table) == (table, [])


def test_the_kinds_own_port_is_the_tokens() -> None:
    environment, told = _read({**_IAM})
    assert told == []
    assert environment == {
        **_token(5432),
        "HOST": _HOST,
        "PORT": "5432",
        "SSLMODE": "verify-full",
        "REQUIRE_AUTH": "password",
    }


def test_a_port_that_is_given_is_the_tokens() -> None:
    environment, told = _read({**_IAM, "PORT": 6543})
    assert told == []
    assert environment.items() >= {**_token(6543), "PORT": "6543"}.items()


def test_what_the_role_says_itself_is_not_changed() -> None:
    environment, told = _read({**_IAM, "SSLMODE": "verify-ca", "SSLROOTCERT": "/ca.pem"})
    assert told == []
    assert environment["SSLMODE"] == "verify-ca"


def test_what_the_kind_has_no_place_for_is_dropped() -> None:
    environment, told = _read({**_IAM}, without=("REQUIRE_AUTH", "SSLMODE"))
    assert told == []
    assert environment.keys() == {"HOST", "PORT", "USER", "PASS"}


def test_without_a_port_of_its_own_a_kind_must_be_told() -> None:
    _, told = _read({**_IAM}, without=("PORT",))
    assert [problem.partition(" ")[0] for problem in told] == ["roles.app.env.PORT:"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"HOST": "_envjson:X:host"}, "HOST: must be RDS's own name here, and no reference"),
        ({"PORT": "_envjson:X:port"}, "PORT: must be given as a number here"),
        ({"PASS": CANARY}, "PASS: is made by _aws_iam_rds: in USER; leave it out"),
        ({"USER": "app", "PASS": "_aws_iam_rds:app"}, "PASS: names no endpoint; write _aws_iam"),
    ],
)
def test_a_mistake_is_told_once_and_with_its_place(changes: dict[str, str], told: str) -> None:
    _, problems = _read({**_IAM, **changes})
    assert problems[0].startswith(f"roles.app.env.{told}")
    assert CANARY not in problems[0]
    assert len(problems) == 1


def test_other_mistakes_are_told_beside_it() -> None:
    _, told = _read({**_IAM, "SSLMODE": "maybe", "NO": "x"})
    assert [problem.partition(":")[0] for problem in told] == [
        "roles.app.env.NO",
        "roles.app.env.SSLMODE",
    ]
