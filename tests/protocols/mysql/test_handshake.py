"""The whole handshake over scripted bytes: who is told what, in which order, and what is left."""

from typing import Any

import pytest

from protocols.api import (
    Connect,
    Flow,
    Login,
    NeedLogin,
    Note,
    Send,
    Side,
    StartTls,
    TlsMode,
    Wish,
)
from protocols.mysql.capabilities import Agreed, Capability
from protocols.mysql.handshake import handshake
from protocols.mysql.login import MysqlOptions
from tests.protocols.mysql.server import (
    ACCOUNT,
    CLIENT,
    COMPRESS,
    CONNECT_ATTRS,
    CONNECT_WITH_DB,
    DEPRECATE_EOF,
    EXPIRED,
    LOCAL_FILES,
    MARIADB,
    MFA,
    MYSQL,
    NATIVE,
    PLUGIN_AUTH,
    QUERY_ATTRIBUTES,
    SCRAMBLE,
    SESSION_TRACK,
    SHA2,
    SSL,
    THREAD_ID,
    Said,
    Script,
    attributes,
    error,
    greeting,
    head,
    native_answer,
    nonce,
    numbered,
    ok,
    packet,
    packets,
    response,
    role,
    sha2_answer,
    switch,
)
from tests.protocols.script import Turns

_HELLO = packet(0, greeting())
_IN: Turns = [_HELLO, numbered(2, b"\1\3", ok())]
_DENIED = packet(2, error(1045, "Access denied for user 'x'@'y'", "28000"))
_SCRAMBLE = bytes(0x21 + byte % 94 for byte in b"eighteen bytes nowei")
_OFFERED = MYSQL & ~(EXPIRED | MFA | 1 << 30 | 1 << 31)
_STEPS = NeedLogin | Note | Connect | StartTls | Send
_SHOWN = packet(0, greeting(capabilities=_OFFERED, scramble=_SCRAMBLE))


def _script(
    said: bytes, *more: bytes, server: Turns = _IN, cut: int = 1 << 20, **settings: object
) -> Script:
    return Script(
        [packet(1, said), *more],
        servers=[server],
        cut=cut,
        logins=[role(**settings)],  # type: ignore[arg-type]
    )


def _run(script: Script) -> Flow:
    flow = script.run(handshake(nonce))
    assert isinstance(flow, Flow)
    return flow


def _told(script: Script) -> Said:
    """The login packet that upstream was sent last."""
    sent = packets(script.upstream.received)
    return next(Said.decode(payload) for _, payload in sent if len(payload) > 32)


def test_both_sides_are_let_in(cut: int) -> None:
    said = response(
        answer=b"x" * 32, attributes=attributes(program_name="mysql"), database="app_db"
    )
    script = _script(said, cut=cut)
    flow = _run(script)
    assert script.said(Side.CLIENT) == [_SHOWN, numbered(2, b"\1\3", ok())]
    told = _told(script)
    assert (told.user, told.answer) == (ACCOUNT, sha2_answer())
    assert told.capabilities == CLIENT | CONNECT_WITH_DB | CONNECT_ATTRS
    assert flow == Flow(
        from_client=b"",
        from_upstream=b"",
        cancel_key=None,
        facts={
            "server_version": "9.7.4",
            "tls": "none",
            "method": SHA2,
            "database": "app_db",
            "thread_id": str(THREAD_ID),
        },
        agreed=Agreed(
            capabilities=Capability(CLIENT | CONNECT_WITH_DB | CONNECT_ATTRS),
            server_version="9.7.4",
            mariadb=False,
            charset=45,
            thread_id=THREAD_ID,
            scramble=_SCRAMBLE,
        ),
    )


def test_steps_come_in_their_order() -> None:
    login = role(TlsMode.REQUIRE)
    said = packet(2, response(capabilities=CLIENT | SSL, plugin=NATIVE))
    script = Script(
        [packet(1, head(CLIENT | SSL)), said, packet(4, b"y" * 20)],
        servers=[[_HELLO, packet(3, switch(NATIVE)), packet(5, ok())]],
        logins=[login],
    )
    _run(script)
    steps = [c for c in script.commands if isinstance(c, _STEPS)]
    sent = [packets(step.data) if isinstance(step, Send) else step for step in steps]
    flags = CLIENT | CONNECT_WITH_DB | CONNECT_ATTRS | SSL
    _, login_packet, _ = packets(script.upstream.received)
    assert sent == [
        NeedLogin(Wish()),
        Connect(login),
        packets(_SHOWN),
        StartTls(Side.CLIENT),
        Note(Wish("joe", None, None)),
        [(3, switch(NATIVE, _SCRAMBLE + b"\0"))],
        [(1, head(flags))],
        StartTls(Side.UPSTREAM),
        [login_packet],
        [(4, native_answer())],
        [(5, ok())],
    ]


def test_what_was_read_too_much_is_handed_on(cut: int) -> None:
    """Byte by byte nothing is read too much, so that what is left over is still on its way."""
    asked = packet(0, b"\3SELECT 1")
    script = Script(
        [packet(1, response()) + asked],
        servers=[[_HELLO, numbered(2, b"\1\3", ok()) + b"more"]],
        cut=cut,
        logins=[role()],
    )
    flow = _run(script)
    assert flow.from_client + script.to_client.unread == asked
    assert flow.from_upstream + script.upstream.unread == b"more"


# -- what upstream is told of the client ----------------------------------------------------------


@pytest.mark.parametrize(
    "flag",
    [1 << n for n in (1, 2, 4, 6, 7, 8, 10, 12, 14, 16, 17, 18, 23, 24, 25, 27)],
)
def test_flags_that_shape_bytes_are_the_same_on_both_legs(flag: int) -> None:
    script = _script(response(capabilities=CLIENT | flag), database=None)
    flow = _run(script)
    assert flow.agreed.capabilities == CLIENT | flag
    assert _told(script).capabilities == CLIENT | flag | CONNECT_ATTRS


@pytest.mark.parametrize("flag", [EXPIRED, MFA, 1 << 29, 1 << 30, 1 << 31])
def test_flags_that_are_not_offered_are_not_told(flag: int) -> None:
    script = _script(response(capabilities=CLIENT | flag), database=None)
    flow = _run(script)
    assert flow.agreed.capabilities == CLIENT
    assert _told(script).capabilities == CLIENT | CONNECT_ATTRS


@pytest.mark.parametrize("flag", [SESSION_TRACK, DEPRECATE_EOF, 1 << 25, 1 << 18])
def test_what_upstream_cannot_do_is_not_offered(cut: int, flag: int) -> None:
    server = [packet(0, greeting(capabilities=MYSQL & ~flag)), _IN[1]]
    script = _script(response(capabilities=CLIENT | flag), server=server, cut=cut, database=None)
    assert _run(script).agreed.capabilities == CLIENT
    assert script.said(Side.CLIENT)[0] == packet(
        0, greeting(capabilities=_OFFERED & ~flag, scramble=_SCRAMBLE)
    )
    assert not _told(script).capabilities & flag


def test_a_server_of_8_0_25_is_not_taken_at_its_word() -> None:
    server = [packet(0, greeting("8.0.25")), _IN[1]]
    script = _script(response(capabilities=CLIENT | QUERY_ATTRIBUTES), server=server)
    assert not _run(script).agreed.capabilities & QUERY_ATTRIBUTES
    assert not _told(script).capabilities & QUERY_ATTRIBUTES


def test_files_are_not_sent_where_the_role_forbids_it() -> None:
    options = MysqlOptions(local_infile=False)
    script = _script(response(capabilities=CLIENT | LOCAL_FILES), options=options)
    assert not _run(script).agreed.capabilities & LOCAL_FILES
    assert not _told(script).capabilities & LOCAL_FILES


@pytest.mark.parametrize(
    ("flags", "extension", "agreed"),
    [(CLIENT & ~1, 0xFF, 0x1D), (CLIENT, 0xFF, 0), (CLIENT & ~1, 0x10, 0x10)],
)
def test_mariadbs_own_flags_are_the_same_on_both_legs(
    flags: int, extension: int, agreed: int
) -> None:
    hello = packet(0, greeting("11.8.9-MariaDB", MARIADB, NATIVE, extension=0x1D))
    said = response(capabilities=flags, extension=extension)
    script = _script(said, server=[hello, packet(2, ok())])
    flow = _run(script)
    assert flow.agreed.mariadb
    assert flow.agreed.capabilities >> 32 == agreed
    assert _told(script).extension == agreed
    assert not _told(script).capabilities & 1
    shown = greeting(
        "11.8.9-MariaDB",
        MARIADB & ~(EXPIRED | 1 << 31) | SSL,
        SHA2,
        extension=0x1D,
        scramble=_SCRAMBLE,
    )
    assert script.said(Side.CLIENT)[0] == packet(0, shown)


@pytest.mark.parametrize(("level", "algorithm"), [(None, "zlib"), (7, "zstd")])
def test_compression_is_agreed_with_both_or_neither(level: int | None, algorithm: str) -> None:
    flags = CLIENT if level else CLIENT | COMPRESS
    script = _script(response(capabilities=flags, zstd_level=level))
    assert _run(script).agreed.compression == algorithm
    assert bool(_told(script).capabilities & COMPRESS) is (level is None)
    assert script.said(Side.CLIENT)[-1] == packet(2, ok())  # it begins after the OK


def test_collation_packet_size_and_attributes_are_the_clients() -> None:
    told = attributes(program_name="batch", _client_name="libmysql", _pid="7")
    script = _script(response(charset=28, max_packet=12_345, attributes=told))
    flow = _run(script)
    assert flow.agreed.charset == 28
    sent = _told(script)
    assert (sent.charset, sent.max_packet) == (28, 12_345)
    assert sent.rest.endswith(bytes((len(told),)) + told)


@pytest.mark.parametrize(
    ("wanted", "settings", "database"),
    [
        (None, {}, "app_db"),
        ("", {}, "app_db"),
        ("app_db", {}, "app_db"),
        ("app", {}, "app_db"),
        ("app", {"database": None}, ""),
        (None, {"database": None}, ""),
        ("shop", {"options": MysqlOptions(databases=("shop",))}, "shop"),
        ("shop", {"options": MysqlOptions(databases=("*",))}, "shop"),
    ],
)
def test_the_database_is_the_roles_or_one_that_it_lists(
    wanted: str | None, settings: dict[str, Any], database: str
) -> None:
    script = _script(response(database=wanted), **settings)
    flow = _run(script)
    assert flow.facts["database"] == database
    assert Note(Wish("joe", wanted or None, None)) in script.commands
    told = _told(script)
    assert bool(told.capabilities & CONNECT_WITH_DB) is bool(database)
    assert told.rest.startswith(f"{database}\0".encode() if database else SHA2.encode())


# -- what the client is told of upstream ----------------------------------------------------------


@pytest.mark.parametrize("said", [ok(b"", status=0x4002, state=b"\1\4\3app"), ok(status=3)])
def test_upstreams_ok_is_the_clients(cut: int, said: bytes) -> None:
    server = [_HELLO, packet(2, switch(NATIVE)), packet(4, said)]
    script = _script(response(answer=b"x" * 32), server=server, cut=cut)
    _run(script)
    assert script.said(Side.CLIENT)[-1] == numbered(2, b"\1\3", said)


def test_a_client_without_plugins_gets_its_ok() -> None:
    script = _script(response(plugin=None, answer=b"x" * 20, capabilities=CLIENT & ~PLUGIN_AUTH))
    _run(script)
    assert script.said(Side.CLIENT)[-1] == packet(2, ok())


# -- another login --------------------------------------------------------------------------------


def _rejected(*servers: Turns, logins: list[Login], cut: int = 1 << 20) -> Script:
    said = response(capabilities=CLIENT | SESSION_TRACK)
    return Script([packet(1, said)], servers=servers, logins=logins, cut=cut)


def test_a_refused_login_is_followed_by_another(cut: int) -> None:
    newer = role(password="newer")
    second: Turns = [packet(0, greeting(thread_id=4712)), _IN[1]]
    script = _rejected([_HELLO, _DENIED], second, logins=[role(), newer], cut=cut)
    flow = _run(script)
    needs = [command for command in script.commands if isinstance(command, NeedLogin)]
    assert [need.wish for need in needs] == [Wish(), Wish("joe", None, None)]
    assert needs[1].rejected is not None
    assert needs[1].rejected.code == "1045"
    assert _told(script).answer == sha2_answer(SCRAMBLE, b"newer")
    assert script.said(Side.CLIENT) == [_SHOWN, packet(2, ok())]
    assert (flow.agreed.thread_id, flow.facts["thread_id"]) == (4712, "4712")


def test_another_server_that_offers_more_will_do() -> None:
    lean = [packet(0, greeting(capabilities=MYSQL & ~DEPRECATE_EOF)), _DENIED]
    script = _rejected(lean, _IN, logins=[role(), role(password="newer")])
    assert not _run(script).agreed.capabilities & DEPRECATE_EOF
    assert not _told(script).capabilities & DEPRECATE_EOF
