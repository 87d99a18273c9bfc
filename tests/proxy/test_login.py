"""A role's environment becomes a login; a refused login is followed by another one or by none."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from protocols.api import Event, NeedLogin, Wish
from protocols.errors import LoginRejected, Reason, Refusal
from protocols.postgres.login import PostgresLogin
from proxy.audit.events import LoginRetry, SecretRead
from proxy.config import Role, parse_text
from proxy.login import Logins
from proxy.services import Services, open_services
from tests.secrecy import CANARY, canary

_NEED = NeedLogin(Wish())
_REJECTED = LoginRejected("refused", code="28P01")
_REFUSED = NeedLogin(Wish(), _REJECTED)
_ENV = {
    "HOST": "127.0.0.1",
    "USER": "_envjson:FIRST:user",
    "PASS": "_envjson:FIRST:password",
    "DB": "_envjson:SECOND:database",
}


@pytest.fixture
def environ() -> dict[str, str]:
    first = {"user": "app", "password": CANARY, "port": CANARY}
    return {"FIRST": json.dumps(first), "SECOND": '{"database": "orders"}'}


@pytest.fixture
async def services(
    environ: dict[str, str], artefacts: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Services]:
    folder = artefacts / f"login-{request.node.name}"
    folder.mkdir()
    services = open_services(parse_text(_text(), folder / "keyless.toml"), environ)
    yield services
    await services.close()


def _text(**changes: str) -> str:
    env = "\n".join(f"{name} = {json.dumps(value)}" for name, value in (_ENV | changes).items())
    secrets = "[secrets]\nrotation_wait = 0.3\n"
    return f'{secrets}[roles.app]\nkind = "postgres"\n[roles.app.env]\n{env}'


def _role(**changes: str) -> Role:
    return parse_text(_text(**changes), Path("keyless.toml")).roles["app"]


class _Session:
    """One session's logins, and what it told the audit."""

    def __init__(self, services: Services, **changes: str) -> None:
        self.events: list[Event] = []
        self._logins = Logins(_role(**changes), services, self.events.append)

    async def next(self, need: NeedLogin) -> PostgresLogin:
        login: Any = await self._logins.next(need)
        assert isinstance(login, PostgresLogin)
        return login

    @property
    def reads(self) -> list[SecretRead]:
        return [event for event in self.events if isinstance(event, SecretRead)]


async def test_literals_and_references_become_a_login(services: Services) -> None:
    session = _Session(services)
    login = await session.next(_NEED)
    assert (login.role, str(login.endpoint), login.user) == ("app", "127.0.0.1:5432", "app")
    assert (login.database, login.password == CANARY) == ("orders", True)
    assert CANARY not in repr(login)
    assert [(read.secret, read.keys) for read in session.reads] == [
        ("FIRST", ("user", "password")),
        ("SECOND", ("database",)),
    ]


async def test_an_unchanged_secret_is_not_tried_again(services: Services) -> None:
    session = _Session(services)
    await session.next(_NEED)
    with pytest.raises(LoginRejected) as raised:
        await session.next(_REFUSED)
    assert raised.value is _REJECTED
    assert len(session.reads) > 4
    assert not [event for event in session.events if isinstance(event, LoginRetry)]


async def test_a_changed_secret_is_tried_once(services: Services, environ: dict[str, str]) -> None:
    session = _Session(services)
    await session.next(_NEED)
    environ["FIRST"] = json.dumps({"user": "app", "password": canary("-2")})
    assert (await session.next(_REFUSED)).password == canary("-2")
    (retry,) = (event for event in session.events if isinstance(event, LoginRetry))
    assert (retry.attempt, retry.code) == (2, "28P01")
    with pytest.raises(LoginRejected):
        await session.next(_REFUSED)


@pytest.mark.parametrize(
    ("variable", "value", "detail"),
    [
        ("PASS", "_envjson:FIRST:pasword", "its keys are: password, port, user"),
        ("PASS", "_envjson:THIRD:password", "THIRD"),
        ("PORT", "_envjson:FIRST:port", "PORT is not a port; write a number from 1 to 65535"),
        ("SSLMODE", "_envjson:FIRST:port", "SSLMODE is not a mode"),
    ],
)
async def test_what_goes_wrong_is_the_operators_to_know(
    services: Services, variable: str, value: str, detail: str
) -> None:
    session = _Session(services, **{variable: value})
    with pytest.raises(Refusal) as raised:
        await session.next(_NEED)
    refusal = raised.value
    assert refusal.reason is Reason.SECRET_UNAVAILABLE
    assert detail in refusal.detail
    assert 'role "app"' in str(refusal)
    assert "_envjson" not in str(refusal)
    assert CANARY not in f"{refusal}{refusal.detail}"
    assert refusal.__suppress_context__
