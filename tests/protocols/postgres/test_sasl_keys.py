"""The keys that a password becomes: remembered, used again, and forgotten."""

from dataclasses import replace
from typing import Any

import pytest

from protocols.api import Compute, Recall, Remember, TcpEndpoint
from protocols.errors import Refusal
from protocols.postgres.log_in import log_in
from protocols.postgres.login import PostgresLogin
from protocols.postgres.messages import StartupMessage
from tests.protocols.postgres.server import (
    ACCOUNT,
    ScramServer,
    authentication,
    error,
    nonce,
    role,
)
from tests.protocols.script import Script
from tests.secrecy import CANARY, canary


def _run(script: Script, login: PostgresLogin) -> list[type]:
    """What the login did about its keys."""
    begun = len(script.commands)
    script.run(log_in(login, StartupMessage((3, 0), {"user": ACCOUNT}), nonce))
    about_keys = (Recall, Compute, Remember)
    return [type(c) for c in script.commands[begun:] if isinstance(c, about_keys)]


def test_keys_are_remembered_once_the_server_has_proven_that_they_are_right(cut: int) -> None:
    script = Script(servers=[ScramServer().turns] * 3, cut=cut)
    assert _run(script, role()) == [Recall, Compute, Remember]
    assert _run(script, role()) == [Recall]
    assert _run(script, role()) == [Recall]


@pytest.mark.parametrize(
    "other",
    [
        {"password": canary("-new")},
        {"user": "another"},
        {"endpoint": TcpEndpoint("db.example", 5433)},
    ],
)
def test_keys_are_those_of_one_account_by_one_password(other: dict[str, Any]) -> None:
    changed = replace(role(), **other)
    there = ScramServer(changed.password.encode())
    script = Script(servers=[ScramServer().turns, there.turns])
    _run(script, role())
    assert _run(script, changed) == [Recall, Compute, Remember]


def test_a_new_password_takes_the_old_ones_place() -> None:
    new = canary("-new")
    servers = [ScramServer().turns, ScramServer(new.encode()).turns, ScramServer().turns]
    script = Script(servers=servers)
    for login in (role(), role(password=new), role()):
        assert _run(script, login) == [Recall, Compute, Remember]
    assert len(script.memory) == 1


@pytest.mark.parametrize("other", [{"salt": b"another salt...."}, {"iterations": 4}])
def test_keys_of_another_salt_or_count_are_of_no_use(other: dict[str, Any]) -> None:
    servers = [ScramServer().turns, ScramServer(**other).turns, ScramServer(**other).turns]
    script = Script(servers=servers)
    _run(script, role())
    assert _run(script, role()) == [Recall, Compute, Remember]
    assert _run(script, role()) == [Recall]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    ("end", "forgotten"),
    [
        (error("28P01", "wrong password"), True),
        (error("28000", "not permitted to log in"), False),
        (error("57P03", "shutting down"), False),
        (authentication(12, b"v=AAAA"), False),
        (b"", False),
    ],
)
def test_keys_that_are_refused_are_forgotten(
    cut: int, known: bool, end: bytes, forgotten: bool
) -> None:
    script = Script(servers=[[*ScramServer().turns[:2], end]], cut=cut)
    if known:
        script.servers = [ScramServer().turns, *script.servers]
        _run(script, role())
    with pytest.raises(Refusal):
        _run(script, role())
    kept = [value for _, value in script.memory.values() if value is not None]
    assert bool(kept) == (known and not forgotten)
    assert isinstance(script.commands[-1], Remember) == forgotten


def test_what_is_remembered_tells_nothing() -> None:
    script = Script(servers=[ScramServer().turns])
    _run(script, role())
    told = repr([c for c in script.commands if isinstance(c, Recall | Remember)])
    assert "nary" not in told
    ((_, keys),) = script.memory.values()
    assert repr(keys) == "Keys()"
    assert CANARY not in str(script.memory.keys())
