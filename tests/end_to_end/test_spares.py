"""Upstream sessions that wait for clients: each for one of them, and only as long as they are fit.

The log of PostgreSQL's backends is in pg_stat_activity: a session that got a spare has a backend
that was there before its client.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from proxy.demo.openbao import OpenBao
from proxy.demo.postgres import EmbeddedPostgres
from tests.end_to_end.conftest import StartKeyless, Store
from tests.keyless import Audit, Event, Keyless, role
from tests.secrecy import CANARY, canary
from tests.servers.authority import Authority
from tests.servers.postgres import PostgresServers
from tests.waiting import eventually
from tests.wire import Refused, Wire, cancel_request, query

_SPARES = 3


@pytest.fixture(scope="module")
def server(postgres_servers: PostgresServers) -> Iterator[EmbeddedPostgres]:
    """One whose sessions are all of these tests. A test leaves it as it was."""
    with postgres_servers.fresh(16) as server:
        yield server


@pytest.fixture
def account(server: EmbeddedPostgres) -> Iterator[str]:
    server.execute(f"CREATE USER spared PASSWORD '{CANARY}'")
    yield "spared"
    server.execute("DROP USER spared")


def _waiting(server: EmbeddedPostgres, user: str = "scram_user") -> set[str]:
    """The backends of a user, by number."""
    asked = f"SELECT pid FROM pg_stat_activity WHERE usename = '{user}'"
    return set(server.execute(asked).split())


def _settings(spares: int = _SPARES, seconds: float = 60) -> str:
    return f"spares = {spares}\nspare_seconds = {seconds}"


def _session(keyless: Keyless, **parameters: str) -> tuple[str, str | None]:
    """The backend of a session that begins and ends here, and the spare's id that it got."""
    audit = keyless.audit()
    with Wire(keyless.places["app"]).log_in("app", **parameters) as client:
        backend = client.query("SELECT pg_backend_pid()")[0].decode()
        assert backend == str(int.from_bytes(client.key[:4], "big"))
    return backend, _spare_of(audit.one("session.start"))


def _spare_of(start: Event) -> str | None:
    spare: str | None = start["facts"].get("spare")
    return spare


def _warm(keyless: Keyless, count: int = _SPARES, **parameters: str) -> None:
    """Have so many spares wait, by as many sessions and the first, which asks for them."""
    audit = keyless.audit()
    for _ in range(count + 1):
        _session(keyless, **parameters)
    eventually(lambda: len(_idle(audit)) >= count)


def _idle(audit: Audit) -> set[str]:
    made = {event["spare"] for event in audit.events("spare.login") if not event["error"]}
    taken = set(map(_spare_of, audit.events("session.start")))
    return made - taken - {event["spare"] for event in audit.events("spare.end")}


def test_each_is_for_one_session(server: EmbeddedPostgres, start_keyless: StartKeyless) -> None:
    keyless = start_keyless(role("app", server, settings=_settings()))
    audit = keyless.audit()
    _warm(keyless)
    eventually(lambda: len(_waiting(server)) == _SPARES)
    waiting = _waiting(server)
    with ExitStack() as stack:
        clients = [
            stack.enter_context(Wire(keyless.places["app"]).log_in("app")) for _ in range(20)
        ]
        backends = [client.query("SELECT pg_backend_pid()")[0].decode() for client in clients]
        keys = {client.key for client in clients}
    assert len(set(backends)) == len(keys) == len(clients)
    assert waiting <= set(backends)
    taken = [spare for spare in map(_spare_of, audit.events("session.start")) if spare]
    assert len(set(taken)) == len(taken) >= _SPARES


def test_there_are_none_unless_asked_for(
    server: EmbeddedPostgres, start_keyless: StartKeyless
) -> None:
    keyless = start_keyless(role("app", server))
    audit = keyless.audit()
    for _ in range(5):
        assert _session(keyless)[1] is None
    assert audit.events("spare.login") == []


def test_never_more_than_the_file_says(
    server: EmbeddedPostgres, start_keyless: StartKeyless
) -> None:
    keyless = start_keyless(role("app", server, settings=_settings(2)))
    for name in ("a", "b", "c"):
        for _ in range(5):
            _session(keyless, application_name=name)
            assert len(_waiting(server)) <= 2 + 1  # and the session's own, which may not be gone


def test_the_audit_tells_which_session_got_which(
    server: EmbeddedPostgres, start_keyless: StartKeyless
) -> None:
    keyless = start_keyless(role("app", server, settings=_settings(1)))
    audit = keyless.audit()
    _warm(keyless, 1)
    _, spare = _session(keyless)
    made = audit.one("spare.login", spare=spare)
    starts = audit.events("session.start")
    sessions = [start["session"] for start in starts]
    taker = starts[[*map(_spare_of, starts)].index(spare)]["session"]
    assert sessions.index(made["session"]) < sessions.index(taker)
    assert made["role"] == "app"
    assert [read["session"] for read in audit.events("secret.read")] == sessions


def test_another_startup_message_gets_none(
    server: EmbeddedPostgres, start_keyless: StartKeyless
) -> None:
    keyless = start_keyless(role("app", server, settings=_settings()))
    _warm(keyless, application_name="one")
    assert _session(keyless, application_name="two")[1] is None
    assert _session(keyless, application_name="one", DateStyle="German")[1] is None
    assert _session(keyless, application_name="one")[1] is not None


def test_a_cancel_request_reaches_it(server: EmbeddedPostgres, start_keyless: StartKeyless) -> None:
    keyless = start_keyless(role("app", server, settings=_settings()))
    audit = keyless.audit()
    _warm(keyless)
    with (
        Wire(keyless.places["app"]).log_in("app") as one,
        Wire(keyless.places["app"]).log_in("app") as other,
    ):
        eventually(lambda: all(map(_spare_of, audit.events("session.start")[-2:])))
        one.send(query("SELECT pg_sleep(60)"))
        asleep = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND wait_event = "
        eventually(lambda: server.execute(f"{asleep} 'PgSleep'") == "1\n")
        with Wire(keyless.places["app"]) as canceller:
            canceller.send(cancel_request(one.key))
            assert canceller.is_closed()
        with pytest.raises(Refused) as refused:
            one.until(b"Z")
        assert refused.value.code == "57014"
        assert other.query("SELECT 1") == [b"1"]


def test_one_that_the_server_ends_is_not_lent(
    server: EmbeddedPostgres, start_keyless: StartKeyless
) -> None:
    keyless = start_keyless(role("app", server, settings=_settings()))
    audit = keyless.audit()
    _warm(keyless)
    for backend in _waiting(server):
        server.execute(f"SELECT pg_terminate_backend({backend})")
    ended = audit.wait("spare.end", _SPARES)
    assert {event["reason"] for event in ended} == {"upstream"}
    backend, spare = _session(keyless)
    assert backend
    assert spare is None


def test_a_setting_that_changes_meanwhile_is_told_as_in_any_open_session(
    server: EmbeddedPostgres, start_keyless: StartKeyless
) -> None:
    keyless = start_keyless(role("app", server, settings=_settings()))
    audit = keyless.audit()
    with keyless.connect("app"), keyless.connect("app"):  # what psycopg says, twice
        pass
    eventually(lambda: _idle(audit))
    try:
        server.execute("ALTER SYSTEM SET \"TimeZone\" = 'Asia/Tokyo'")
        server.execute("SELECT pg_reload_conf()")
        with keyless.connect("app") as client:
            assert client.execute("SHOW TimeZone").fetchone() == ("Asia/Tokyo",)
            assert client.info.parameter_status("TimeZone") == "Asia/Tokyo"
        assert _spare_of(audit.wait("session.start", 3)[-1])
    finally:
        server.execute('ALTER SYSTEM RESET "TimeZone"')
        server.execute("SELECT pg_reload_conf()")


def test_one_that_waits_too_long_is_logged_out(
    server: EmbeddedPostgres, start_keyless: StartKeyless
) -> None:
    keyless = start_keyless(role("app", server, settings=_settings(seconds=1)))
    audit = keyless.audit()
    _warm(keyless, 1)
    eventually(lambda: not _idle(audit))
    assert {event["reason"] for event in audit.events("spare.end")} == {"age"}
    eventually(lambda: not _waiting(server))
    assert _session(keyless)[1] is None


def test_they_are_logged_out_when_the_proxy_ends(
    server: EmbeddedPostgres, start_keyless: StartKeyless
) -> None:
    keyless = start_keyless(role("app", server, settings=_settings()))
    audit = keyless.audit()
    _warm(keyless)
    assert keyless.stop() == 0
    assert {e["reason"] for e in audit.events("spare.end")} == {"shutdown"}
    assert not _idle(audit)
    eventually(lambda: not _waiting(server))


def test_a_rotation_ends_them(
    server: EmbeddedPostgres,
    openbao: OpenBao,
    store: Store,
    account: str,
    start_keyless: StartKeyless,
) -> None:
    """The next session has the new secret, though the sessions that wait would still do."""
    token = openbao.client.auth.token.create(policies=["root"])["auth"]["client_token"]
    keys = {"USER": "username", "PASS": "password"}
    references = {name: f"_vaultkv2:secret/data/{account}:{key}" for name, key in keys.items()}
    keyless = start_keyless(
        role("app", server, settings=_settings(), **references),
        {"VAULT_ADDR": openbao.address, "VAULT_TOKEN": token},
    )
    audit = keyless.audit()
    _warm(keyless)
    store(canary("-2"))
    server.execute(f"ALTER ROLE {account} PASSWORD '{canary('-2')}'")
    before = _waiting(server, account)
    backend, spare = _session(keyless)
    assert spare is None
    assert backend not in before
    assert audit.events("session.start")[-1]["versions"] == ["2"]
    assert {event["reason"] for event in audit.wait("spare.end", _SPARES)} == {"rotation"}
    _warm(keyless, 1)
    assert {e["versions"][0] for e in audit.events("spare.login")[-1:]} == {"2"}


def test_a_login_that_is_refused_is_not_tried_for_nobody(
    server: EmbeddedPostgres, start_keyless: StartKeyless
) -> None:
    """The password changes at the server alone: sessions fail one by one, and spares not at all."""
    keyless = start_keyless(role("app", server, settings=_settings()))
    audit = keyless.audit()
    _warm(keyless)
    server.execute(f"ALTER ROLE scram_user PASSWORD '{canary('-elsewhere')}'")
    assert _session(keyless)[1] is not None  # it was let in before that
    failed = audit.one("spare.login", spare="")
    assert "refused the login" in failed["error"]
    assert {event["reason"] for event in audit.wait("spare.end", 2)} == {"rejected"}
    server.execute(f"ALTER ROLE scram_user PASSWORD '{CANARY}'")
    assert _session(keyless)[1] is None
    _warm(keyless, 1)


def test_tls_upstream(
    tls_postgres: EmbeddedPostgres, authority: Authority, start_keyless: StartKeyless
) -> None:
    keyless = start_keyless(
        role(
            "app",
            tls_postgres,
            settings=_settings(),
            USER="tls_user",
            HOST="localhost",
            SSLMODE="verify-full",
            SSLROOTCERT=authority.pem,
        )
    )
    _warm(keyless)
    audit = keyless.audit()
    with Wire(keyless.places["app"]).log_in("app") as client:
        seen = client.query("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    facts = audit.one("session.start")["facts"]
    assert (facts["tls"], facts["method"]) == (seen[0].decode(), "scram-sha-256-plus")
    assert "spare" in facts
    for backend in _waiting(tls_postgres, "tls_user"):
        tls_postgres.execute(f"SELECT pg_terminate_backend({backend})")
    assert audit.one("spare.end")["reason"] == "upstream"
