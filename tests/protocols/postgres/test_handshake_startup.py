"""What becomes of a client's startup message: the role's account and database, and the rest."""

import struct

import pytest

from protocols.api import Flow, NeedLogin, Side, TlsMode, Wish
from protocols.errors import Reason, Refusal
from protocols.postgres.handshake import handshake
from protocols.postgres.login import PostgresOptions
from tests.protocols.postgres.server import ACCOUNT, GREETINGS, OK, error, nonce, role
from tests.protocols.script import WHOLE, Script
from tests.wire import message, startup


def _script(
    client: bytes, server: bytes = OK + GREETINGS, cut: int = WHOLE, **settings: object
) -> Script:
    login = role(TlsMode.DISABLE, "none", **settings)
    return Script([client], servers=[[server]], cut=cut, logins=[login])


def _sent_upstream(client: bytes, cut: int = WHOLE, **settings: object) -> bytes:
    script = _script(client, OK + GREETINGS, cut, **settings)
    assert isinstance(script.run(handshake(nonce)), Flow)
    return script.upstream.received


def test_everything_but_account_and_database_goes_on(cut: int) -> None:
    settings = {
        "application_name": "psql",
        "client_encoding": "LATIN1",
        "options": "-c statement_timeout=5s",
        "search_path": "a, b",
        "extra_float_digits": "",
    }
    client = startup(0x30000, user="joe", database="app", **settings)
    expected = startup(0x30000, user=ACCOUNT, database="app_db", **settings)
    assert _sent_upstream(client, cut=cut) == expected


def test_values_go_on_in_any_encoding(cut: int) -> None:
    pair = b"application_name\0caf\xe9 \xc3\xa9\0"
    client = struct.pack(">ii", 18 + len(pair), 0x30000) + b"user\0joe\0" + pair + b"\0"
    assert pair + b"\0" in _sent_upstream(client, cut=cut)


def test_of_two_values_of_one_name_the_last_counts(cut: int) -> None:
    pairs = b"user\0a\0user\0joe\0DateStyle\0ISO\0DateStyle\0German\0\0"
    client = struct.pack(">ii", 8 + len(pairs), 0x30000) + pairs
    script = _script(client, cut=cut)
    script.run(handshake(nonce))
    assert script.upstream.received == startup(user=ACCOUNT, database="app_db", DateStyle="German")
    (need,) = [c for c in script.commands if isinstance(c, NeedLogin)]
    assert need.wish == Wish("joe", None, None)


@pytest.mark.parametrize("user", ["joe", "app", "postgres", ACCOUNT, "joe' --", "é"])
def test_the_account_is_the_roles_whoever_the_client_says_it_is(user: str) -> None:
    assert _sent_upstream(startup(user=user)) == startup(user=ACCOUNT, database="app_db")


# Who the client says it is, what it wants, what the role has and lists; and what it gets.
@pytest.mark.parametrize(
    ("wanted", "own", "listed", "given"),
    [
        (None, "app_db", (), "app_db"),  # names none
        ("", "app_db", (), "app_db"),
        ("joe", "app_db", (), "app_db"),  # libpq's default: its user
        ("app", "app_db", (), "app_db"),  # the role
        ("app_db", "app_db", (), "app_db"),  # the role's own
        ("other", "app_db", ("other", "more"), "other"),
        ("more", "app_db", ("other", "more"), "more"),
        ("other", "app_db", ("*",), "other"),
        ("joe", "app_db", ("*",), "app_db"),
        (None, None, (), None),
        ("joe", None, (), None),
        ("other", None, ("other",), "other"),
    ],
)
def test_the_database(
    cut: int, wanted: str | None, own: str | None, listed: tuple[str, ...], given: str | None
) -> None:
    said = {"user": "joe"} if wanted is None else {"user": "joe", "database": wanted}
    expected = {"user": ACCOUNT} if given is None else {"user": ACCOUNT, "database": given}
    sent = _sent_upstream(
        startup(0x30000, **said), database=own, options=PostgresOptions(databases=listed), cut=cut
    )
    assert sent == startup(0x30000, **expected)


@pytest.mark.parametrize("listed", [(), ("more",), ("Other",), ("other ",)])
@pytest.mark.parametrize("own", ["app_db", None])
def test_a_database_that_the_role_does_not_list_is_refused(
    cut: int, own: str | None, listed: tuple[str, ...]
) -> None:
    client = startup(user="joe", database="other")
    script = _script(client, database=own, options=PostgresOptions(databases=listed), cut=cut)
    with pytest.raises(Refusal, match='does not offer database "other"') as caught:
        script.run(handshake(nonce))
    assert caught.value.reason is Reason.UNKNOWN_DATABASE
    assert script.said(Side.CLIENT) == [error("3D000", str(caught.value))]
    assert script.connections == []


@pytest.mark.parametrize("value", ["true", "on", "yes", "1", "database", "TRUE", "", "maybe"])
def test_replication_is_refused(cut: int, value: str) -> None:
    script = _script(startup(user="joe", replication=value), cut=cut)
    with pytest.raises(Refusal, match="does not allow replication") as caught:
        script.run(handshake(nonce))
    assert caught.value.reason is Reason.DENIED
    assert script.said(Side.CLIENT) == [error("42501", str(caught.value))]
    assert script.connections == []


def test_logical_replication_where_the_role_allows_it(cut: int) -> None:
    options = PostgresOptions(replication=True)
    sent = _sent_upstream(startup(user="joe", replication="database"), cut=cut, options=options)
    assert sent == startup(user=ACCOUNT, replication="database", database="app_db")


def test_physical_replication_has_no_database(cut: int) -> None:
    client = startup(user="joe", database="replication", replication="true")
    sent = _sent_upstream(client, cut=cut, options=PostgresOptions(replication=True))
    assert sent == startup(user=ACCOUNT, replication="true")


@pytest.mark.parametrize("value", ["false", "off", "no", "0", "FALSE"])
def test_no_replication_is_what_everybody_has(cut: int, value: str) -> None:
    sent = _sent_upstream(startup(user="joe", replication=value), cut=cut)
    assert sent == startup(user=ACCOUNT, database="app_db")


# -- protocol versions ----------------------------------------------------------------------------


def _negotiate(version: int, *options: str) -> bytes:
    names = b"".join(option.encode() + b"\0" for option in options)
    return message(b"v", struct.pack(">ii", version, len(options)) + names)


def _asks(minor: int, *options: str) -> bytes:
    return startup(0x30000 + minor, user="joe", **dict.fromkeys(options, "x"))


# What the client says, what version upstream is asked for, its answer, and what the client is told.
@pytest.mark.parametrize(
    ("client", "sent", "answer", "told"),
    [
        (_asks(0), 0x30000, b"", b""),
        (_asks(1), 0x30001, b"", b""),
        (_asks(2), 0x30002, b"", b""),
        (_asks(2), 0x30002, _negotiate(0x30000), _negotiate(0x30000)),
        (_asks(1), 0x30001, _negotiate(0x30000), _negotiate(0x30000)),
        (_asks(3), 0x30002, b"", _negotiate(0x30002)),
        (_asks(9999), 0x30002, b"", _negotiate(0x30002)),
        (_asks(9999), 0x30002, _negotiate(0x30000), _negotiate(0x30000)),
        (_asks(0, "_pq_.a"), 0x30000, b"", _negotiate(0x30000, "_pq_.a")),
        (_asks(2, "_pq_.a"), 0x30002, _negotiate(0x30000), _negotiate(0x30000, "_pq_.a")),
        (_asks(9999, "_pq_.b", "_pq_.a"), 0x30002, b"", _negotiate(0x30002, "_pq_.b", "_pq_.a")),
    ],
)
def test_the_version_is_negotiated_once(
    cut: int, client: bytes, sent: int, answer: bytes, told: bytes
) -> None:
    script = _script(client, answer + OK + GREETINGS, cut=cut)
    script.run(handshake(nonce))
    assert script.upstream.received == startup(sent, user=ACCOUNT, database="app_db")
    assert script.said(Side.CLIENT) == [told + OK + GREETINGS]
