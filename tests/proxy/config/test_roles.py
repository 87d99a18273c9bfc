"""What one role's table may say, and what it is told where it says something else."""

import pytest

from proxy.config.problems import Problems
from proxy.config.roles import Role, RoleReader
from tests.secrecy import CANARY

_ENV = {"HOST": "db", "USER": "app", "PASS": "_envjson:X:password"}
_KEYS = {"USER": "username", "PASS": "password"}


def _read(table: object, name: str = "app") -> tuple[Role | None, list[str]]:
    problems = Problems()
    role = RoleReader(name, problems, open_to_all=False).read(table)
    return role, [str(problem) for problem in problems.found]


def _told(env: dict[str, object], **settings: object) -> list[str]:
    role, told = _read({"kind": "postgres", "env": env, **settings})
    assert role is None
    return told


@pytest.mark.parametrize("name", ["prod-postgres", "a", "1", "A.b_c-d", "x" * 63])
def test_a_roles_name(name: str) -> None:
    role, told = _read({"kind": "postgres", "env": _ENV}, name)
    assert role is not None
    assert (role.name, told) == (name, [])


@pytest.mark.parametrize("name", ["", "-a", "a b", "ä", "a\n", "a/b", 'a"', "x" * 64])
def test_what_is_no_name(name: str) -> None:
    role, told = _read({"kind": "postgres", "env": _ENV}, name)
    assert role is None
    assert "is no role name; use letters, digits" in told[0]


def test_a_literal_underscore_is_doubled() -> None:
    role, _ = _read({"kind": "postgres", "env": _ENV | {"PASS": "__x"}})
    assert role is not None
    assert role.environment["PASS"] == "_x"


def test_every_missing_variable_is_told() -> None:
    assert _told({}) == [
        "roles.app.env.HOST: is missing; it is the server's host name or address, or its Unix "
        "socket's directory",
        "roles.app.env.USER: is missing; it is the account to log in with",
        "roles.app.env.PASS: is missing; write a secret reference, such as "
        "_vaultkv2:my-secret:password",
    ]


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("PASS", "_SECRET", "begins with '_' and is not a secret reference; write"),
        ("PASS", "_envjsn:X:y", "refers to an unknown secrets provider _envjsn:; did you mean"),
        ("PASS", "_envjson:X", "names no key"),
        ("PORT", "SECRET", "is not a port; write a number from 1 to 65535"),
        ("SSLMODE", "SECRET", "is not a mode; write one of disable, allow, prefer"),
        ("REQUIRE_AUTH", "SECRET", "names an unknown method; write some of scram-sha-256"),
        ("PSAS", "SECRET", "is not a variable of postgres; did you mean PASS? (known: "),
        ("DB", 1.5, "input should be a valid"),
    ],
)
def test_a_mistake_is_told_without_the_value(variable: str, value: object, told: str) -> None:
    if isinstance(value, str):
        value = value.replace("SECRET", CANARY)
    (problem, *_) = _told(_ENV | {variable: value})
    assert problem.startswith(f"roles.app.env.{variable}")
    assert told in problem
    assert CANARY not in problem


def test_what_a_reference_will_say_is_not_judged_yet() -> None:
    role, told = _read({"kind": "postgres", "env": _ENV | {"PORT": "_envjson:X:port"}})
    assert role is not None
    assert told == []


def test_an_unknown_setting() -> None:
    (told,) = _told(dict(_ENV), lisen="127.0.0.1:1")
    assert told.startswith("roles.app.lisen: is not a setting; did you mean listen? (known: ")
    (told,) = _told(dict(_ENV), databases="app")
    assert told.startswith("roles.app.databases: ")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("max_scram_iterations", 0),
        ("max_scram_iterations", 2**31),
        ("max_scram_iterations", "many"),
        ("refuse", ["everything"]),
        ("replication", "sometimes"),
    ],
)
def test_a_setting_that_says_nothing_known(setting: str, value: object) -> None:
    (told,) = _told(dict(_ENV), **{setting: value})
    assert told.startswith(f"roles.app.{setting}")


@pytest.mark.parametrize("kind", ["", "oracle", 1, None])
def test_an_unknown_kind(kind: object) -> None:
    _, told = _read({"kind": kind, "env": _ENV})
    assert told[0].startswith("roles.app.kind: ")


def test_spares_have_no_secret_that_is_made_for_one_session() -> None:
    account = {f: f"_vaultdb:database/creds/app:{k}" for f, k in _KEYS.items()}
    told = _told({**_ENV, **account}, spares=2)
    assert told == [
        "roles.app.spares: has no use with _vaultdb, which makes a secret for each session"
    ]
    assert _read({"kind": "postgres", "env": _ENV | account, "spares": 0})[0] is not None
    assert _read({"kind": "postgres", "env": _ENV, "spares": 2})[0] is not None


@pytest.mark.parametrize(("spares", "seconds"), [(-1, 60), (1001, 60), (1, 0.5), (1, 3601)])
def test_spares_are_bounded(spares: int, seconds: float) -> None:
    (told,) = _told({**_ENV}, spares=spares, spare_seconds=seconds)
    assert "roles.app.spare" in told


def test_a_kind_that_has_no_spares() -> None:
    _, told = _read({"kind": "mysql", "env": _ENV, "spares": 2})
    assert "roles.app.spares" in told[0]
