"""Sessions that were logged in ahead: who may have one, and how they are made."""

from dataclasses import fields, replace

import pytest

from protocols.api import Connect, Flow, Send, Side, TakeSpare, TcpEndpoint, TlsMode, TlsPolicy
from protocols.errors import LoginRejected, Refusal
from protocols.postgres import POSTGRES
from protocols.postgres.demands import ChannelBinding, TargetSession
from protocols.postgres.handshake import handshake
from protocols.postgres.login import PostgresLogin, PostgresOptions
from protocols.postgres.session import Session
from tests.protocols.postgres.server import (
    ACCOUNT,
    GREETINGS,
    KEY,
    NOTICE,
    OK,
    PARAMETERS,
    READY,
    error,
    nonce,
    parameter,
    role,
)
from tests.protocols.script import Script
from tests.secrecy import CANARY, canary
from tests.wire import message, startup

_OPTIONS = PostgresOptions(spares=3, spare_seconds=9, replication=True)
_LOGIN = role(TlsMode.DISABLE, "none", options=_OPTIONS)
_SAID = startup(user="joe", application_name="psql")
_TERMINATE = message(b"X")


def _wanted(script: Script) -> list[TakeSpare]:
    return [command for command in script.commands if isinstance(command, TakeSpare)]


def _script(said: bytes = _SAID, login: PostgresLogin = _LOGIN, spare: object = None) -> Script:
    return Script([said], servers=[[OK + GREETINGS]], logins=[login], spare=spare)


def _ask(script: Script) -> TakeSpare:
    script.run(handshake(nonce))
    (wanted,) = _wanted(script)
    return wanted


def _spare() -> Session:
    """One as it is made for whom says `_SAID`."""
    made: Session = Script(servers=[[OK + GREETINGS]]).run(_ask(_script()).log_in())
    return made


def test_a_session_is_made_as_any_other_and_says_what_any_other_says(cut: int) -> None:
    wanted = _ask(_script())
    maker = Script(servers=[[OK + GREETINGS]], cut=cut)
    assert maker.run(wanted.log_in()).facts["database"] == "app_db"
    assert maker.said(Side.UPSTREAM) == [wanted.startup]
    assert wanted.startup == startup(user=ACCOUNT, database="app_db", application_name="psql")
    assert (wanted.role, wanted.most, wanted.seconds) == ("app", 3, 9)
    assert wanted.farewell == _TERMINATE


def test_a_client_gets_what_upstream_said_when_it_let_the_spare_in() -> None:
    script = _script(spare=_spare())
    flow = script.run(handshake(nonce))
    assert isinstance(flow, Flow)
    assert script.said(Side.CLIENT) == [OK + PARAMETERS + NOTICE + message(b"K", KEY) + READY]
    assert (flow.cancel_key, flow.from_upstream) == (KEY, b"")
    assert not [c for c in script.commands if isinstance(c, Connect)]
    assert script.said(Side.UPSTREAM) == []


def test_nobody_asks_where_the_role_has_none() -> None:
    script = _script(login=role(TlsMode.DISABLE, "none"))
    script.run(handshake(nonce))
    assert _wanted(script) == []


def test_a_replication_connection_is_always_new() -> None:
    script = _script(startup(user="joe", replication="database"))
    script.run(handshake(nonce))
    assert _wanted(script) == []


def test_none_is_asked_for_once_upstream_has_refused_a_login() -> None:
    """The next session begins with the login that was refused here."""
    servers = [[error("28P01", "wrong password")], [OK + GREETINGS]]
    script = Script([_SAID], servers=servers, logins=[_LOGIN, _LOGIN])
    script.run(handshake(nonce))
    assert len(_wanted(script)) == 1


def test_one_whose_login_fails() -> None:
    wanted = _ask(_script())
    with pytest.raises(LoginRejected):
        Script(servers=[[error("28P01", "wrong password")]]).run(wanted.log_in())


@pytest.mark.parametrize("more", [parameter("TimeZone", "Asia/Tokyo"), error("57P01", "bye")])
def test_one_that_is_told_more_than_it_asked_for_is_no_good(more: bytes) -> None:
    wanted = _ask(_script())
    maker = Script(servers=[[OK + GREETINGS + more]])
    with pytest.raises(Refusal, match="says more than it is asked"):
        maker.run(wanted.log_in())
    assert maker.commands[-1] == Send(Side.UPSTREAM, _TERMINATE)


_OTHERS = {
    "role": "other",
    "endpoint": TcpEndpoint("elsewhere", 5432),
    "tls": TlsPolicy(TlsMode.REQUIRE),
    "fallbacks": (TcpEndpoint("elsewhere", 5432),),
    "target_session": TargetSession.PRIMARY,
    "user": "somebody_else",
    "password": canary("-2"),
    "database": "other_db",
    "methods": frozenset({"md5"}),
    "channel_binding": ChannelBinding.DISABLE,
    "options": PostgresOptions(),
}


def test_whatever_differs_in_a_login_is_told() -> None:
    assert {field.name for field in fields(PostgresLogin)} == _OTHERS.keys()
    assert _same(_LOGIN, replace(_LOGIN))
    for name, value in _OTHERS.items():
        assert not _same(_LOGIN, replace(_LOGIN, **{name: value})), name  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["mode", "root_certificate", "certificate", "key"])
def test_whatever_differs_in_its_tls_is_told(name: str) -> None:
    value = TlsMode.PREFER if name == "mode" else CANARY
    tls = replace(_LOGIN.tls, **{name: value})  # type: ignore[arg-type]
    assert not _same(_LOGIN, replace(_LOGIN, tls=tls))


def _same(one: PostgresLogin, other: PostgresLogin) -> bool:
    told = [(login.without_credentials(), login.credentials) for login in (one, other)]
    return told[0] == told[1]


def test_its_repr_says_no_secret() -> None:
    shown = repr(_ask(_script()))
    assert CANARY not in shown
    assert ACCOUNT not in shown


def test_the_kind_tells_which_roles_log_in_ahead() -> None:
    assert POSTGRES.logs_in_ahead(_OPTIONS)
    assert not POSTGRES.logs_in_ahead(PostgresOptions())
