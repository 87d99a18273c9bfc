"""Upstream's half over scripted bytes: what it is told, what it says, and how one leaves."""

import pytest

from protocols.api import (
    Connect,
    Disconnected,
    Send,
    Side,
    StartTls,
    TlsMode,
    UnixEndpoint,
)
from protocols.errors import LoginRejected, Reason, Refusal, ServerProtocolError, UpstreamRefused
from protocols.mysql.capabilities import Capability
from protocols.mysql.log_in import Session, dial, leave, log_in, log_in_and_leave, try_login
from protocols.mysql.login import MysqlLogin
from protocols.mysql.messages import HandshakeResponse
from tests.protocols.mysql.server import (
    ACCOUNT,
    CLIENT,
    COMPRESS,
    CONNECT_ATTRS,
    CONNECT_WITH_DB,
    LENENC,
    MARIADB,
    MYSQL,
    NATIVE,
    PLUGIN_AUTH,
    QUIT,
    SECURE_CONNECTION,
    SHA2,
    SSL,
    THREAD_ID,
    ZSTD,
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
    role,
    sha2_answer,
    switch,
)

_GREETING = packet(0, greeting())
_PLAIN = packet(0, greeting(capabilities=MYSQL & ~SSL))
_FAST_OK = numbered(2, b"\1\3", ok())


def _said(**more: object) -> HandshakeResponse:
    known: dict[str, object] = {
        "capabilities": Capability(CLIENT),
        "max_packet_size": 1 << 20,
        "charset": 63,
        "user": "joe",
    }
    return HandshakeResponse(**(known | more))  # type: ignore[arg-type]


def _log_in(
    script: Script, login: MysqlLogin | None = None, said: HandshakeResponse | None = None
) -> Session:
    upstream = script.run(dial(login or role()))
    return script.run(log_in(upstream, said or _said(), nonce))


def _told(script: Script) -> Said:
    """The login packet."""
    return next(
        Said.decode(payload)
        for _, payload in packets(script.upstream.received)
        if len(payload) > 32
    )


def test_upstream_is_told_who_we_are_and_what_the_client_wants(cut: int) -> None:
    told = attributes(program_name="mysql")
    said = _said(database="shop", attributes=told)
    script = Script(servers=[[_GREETING, _FAST_OK]], cut=cut)
    session = _log_in(script, said=said)
    sent = _told(script)
    assert sent.capabilities == CLIENT | CONNECT_WITH_DB | CONNECT_ATTRS
    assert (sent.user, sent.answer) == (ACCOUNT, sha2_answer())
    assert (sent.charset, sent.max_packet, sent.extension) == (63, 1 << 20, 0)
    assert sent.rest == b"shop\0" + SHA2.encode() + b"\0" + bytes((len(told),)) + told
    assert session == Session(
        ok=ok(),
        leftover=b"",
        facts={
            "server_version": "9.7.4",
            "tls": "none",
            "method": SHA2,
            "database": "shop",
            "thread_id": str(THREAD_ID),
        },
    )


def test_no_database_is_not_named() -> None:
    script = Script(servers=[[_GREETING, _FAST_OK]])
    said = _said(capabilities=Capability(CLIENT | CONNECT_WITH_DB))
    _log_in(script, said=said)
    assert not _told(script).capabilities & CONNECT_WITH_DB
    assert _told(script).rest == SHA2.encode() + b"\0\0"


def test_what_is_of_the_clients_leg_alone_is_not_told() -> None:
    own = SSL | CONNECT_ATTRS | CONNECT_WITH_DB
    script = Script(servers=[[_GREETING, _FAST_OK]])
    _log_in(script, said=_said(capabilities=Capability(CLIENT | own)))
    assert _told(script).capabilities == CLIENT | CONNECT_ATTRS


@pytest.mark.parametrize("flag", [1 << n for n in (1, 7, 8, 10, 16, 17, 18, 23, 24, 25, 27)])
def test_what_shapes_later_bytes_is_told(flag: int) -> None:
    script = Script(servers=[[_GREETING, _FAST_OK]])
    _log_in(script, said=_said(capabilities=Capability(CLIENT | flag)))
    assert _told(script).capabilities == CLIENT | CONNECT_ATTRS | flag


def test_mariadbs_own_flags_are_told_where_it_looks_for_them() -> None:
    hello = packet(0, greeting("11.8.9-MariaDB", MARIADB, NATIVE, extension=0x1D))
    script = Script(servers=[[hello, packet(2, ok())]])
    flags = Capability(CLIENT & ~1 | 0x15 << 32)
    _log_in(script, said=_said(capabilities=flags))
    assert (_told(script).capabilities & 1, _told(script).extension) == (0, 0x15)


def test_zstds_level_is_told() -> None:
    script = Script(servers=[[_GREETING, _FAST_OK]])
    _log_in(script, said=_said(capabilities=Capability(CLIENT | ZSTD), zstd_level=7))
    assert _told(script).rest[-1] == 7


def test_an_old_server_is_told_less() -> None:
    old = MYSQL & ~(PLUGIN_AUTH | LENENC | CONNECT_ATTRS)
    hello = packet(0, greeting("5.5.6", old, "")[:-1])
    script = Script(servers=[[hello, packet(2, ok())]])
    session = _log_in(script, said=_said(attributes=b"x"))
    assert _told(script).capabilities == CLIENT & ~(PLUGIN_AUTH | LENENC)
    assert (_told(script).answer, _told(script).rest) == (native_answer(), b"")
    assert session.facts["method"] == NATIVE


# -- TLS ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [TlsMode.PREFER, TlsMode.REQUIRE, TlsMode.VERIFY_FULL])
def test_tls_is_started_before_anything_is_told(cut: int, mode: TlsMode) -> None:
    script = Script(servers=[[_GREETING, numbered(3, b"\1\3", ok())]], cut=cut)
    session = _log_in(script, role(mode))
    flags = CLIENT | CONNECT_ATTRS | SSL
    first, second = packets(script.upstream.received)
    assert first == (1, head(flags, charset=63, max_packet=1 << 20))
    assert (second[0], Said.decode(second[1]).capabilities) == (2, flags)
    number = script.commands.index(StartTls(Side.UPSTREAM))
    assert script.commands[number - 1] == Send(Side.UPSTREAM, packet(*first))
    assert session.facts["tls"] == "TLSv1.3"


def test_a_server_without_tls_will_do_where_the_role_prefers_it(cut: int) -> None:
    script = Script(servers=[[_PLAIN, _FAST_OK]], cut=cut)
    assert _log_in(script, role(TlsMode.PREFER)).facts["tls"] == "none"


@pytest.mark.parametrize("mode", [TlsMode.REQUIRE, TlsMode.VERIFY_CA, TlsMode.VERIFY_FULL])
def test_a_server_without_tls_is_left_where_the_role_demands_it(cut: int, mode: TlsMode) -> None:
    script = Script(servers=[[_PLAIN, _FAST_OK]], cut=cut)
    with pytest.raises(ServerProtocolError, match=f"SSLMODE {mode.value}") as caught:
        _log_in(script, role(mode))
    assert caught.value.reason is Reason.UPSTREAM_INSECURE
    assert script.upstream.received == b""


@pytest.mark.parametrize(
    "login",
    [role(TlsMode.DISABLE), role(TlsMode.VERIFY_FULL, endpoint=UnixEndpoint("/s"))],
)
def test_no_tls_where_there_is_none_to_be(login: MysqlLogin) -> None:
    script = Script(servers=[[_GREETING, _FAST_OK]])
    assert _log_in(script, login).facts["tls"] == "none"
    assert not any(isinstance(command, StartTls) for command in script.commands)


@pytest.mark.parametrize("injected", [numbered(3, b"\1\3", ok()), b"x"])
def test_data_sent_before_tls_is_never_taken_for_data_under_tls(injected: bytes) -> None:
    script = Script(servers=[[_GREETING + injected]])
    with pytest.raises(ServerProtocolError, match="unencrypted data after its greeting"):
        _log_in(script, role(TlsMode.VERIFY_FULL))
    assert script.upstream.received == b""


# -- the OK ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", [ok(b"info", status=0x4002, state=b"\1\4\3app"), ok(status=3)])
def test_the_ok_goes_on_as_it_came(cut: int, said: bytes) -> None:
    script = Script(servers=[[_GREETING, numbered(2, b"\1\3", said)]], cut=cut)
    assert _log_in(script).ok == said


@pytest.mark.parametrize("state", [None, b"\1\4\3app"])
def test_what_proves_mariadbs_certificate_to_us_is_not_the_clients_business(
    state: bytes | None,
) -> None:
    """It is made of the password's hash, and would let a client guess at it."""
    status = 0x4002 if state else 2
    proof = b"\1" + b"37B83164" * 8
    script = Script(servers=[[_GREETING, packet(2, ok(proof, status=status, state=state))]])
    session = _log_in(script)
    expected = ok(status=status, state=state) if state else ok() + b"\0"
    assert session.ok == expected


def test_an_ok_that_is_none_is_a_fault() -> None:
    with pytest.raises(ServerProtocolError, match="broke the protocol: it ends"):
        _log_in(Script(servers=[[_GREETING, packet(2, ok()[:-1])]]))


def test_what_follows_the_ok_is_left_over(cut: int) -> None:
    script = Script(servers=[[_GREETING, _FAST_OK + b"more"]], cut=cut)
    session = _log_in(script)
    assert session.leftover + script.upstream.unread == b"more"


# -- servers that are not in order ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("hello", "why"),
    [
        (packet(0, b"\x09" + greeting()[1:]), "does not begin with protocol version 10"),
        (packet(0, greeting()[:20]), "it ends"),
        (packet(0, greeting(capabilities=MYSQL & ~(1 << 9))), "older than MySQL 4.1"),
        (
            packet(0, greeting(capabilities=MYSQL & ~SECURE_CONNECTION & ~PLUGIN_AUTH)),
            "older than MySQL 4.1",
        ),
        (packet(1, greeting()), "does not speak MySQL's protocol"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "does not speak MySQL's protocol"),
        (b"", "closed the connection during the login"),
    ],
)
def test_what_is_no_mysql_server_is_left(cut: int, hello: bytes, why: str) -> None:
    with pytest.raises(ServerProtocolError, match=why):
        _log_in(Script(servers=[[hello]], cut=cut))


@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [
        (1040, Refusal, Reason.LIMIT_REACHED),
        (1129, UpstreamRefused, Reason.UPSTREAM_BROKEN),
        (1130, UpstreamRefused, Reason.UPSTREAM_BROKEN),
    ],
)
def test_a_server_may_refuse_before_it_greets(
    cut: int, code: int, kind: type[Refusal], reason: Reason
) -> None:
    refusal = packet(0, error(code, "Host '10.0.0.1' is ...", None))
    with pytest.raises(kind) as caught:
        _log_in(Script(servers=[[refusal]], cut=cut))
    assert caught.value.reason is reason


def test_a_server_may_leave_anywhere() -> None:
    turns = [_GREETING, packet(3, switch(NATIVE)), packet(5, ok())]
    for turn, whole in enumerate(turns):
        for size in range(len(whole)):
            script = Script(servers=[[*turns[:turn], whole[:size]]])
            with pytest.raises(ServerProtocolError, match="closed the connection during the login"):
                _log_in(script, role(TlsMode.VERIFY_FULL))


def test_a_fault_in_any_command_ends_the_login() -> None:
    """A Refusal goes on as it is; that upstream is gone becomes one."""

    def script(**more: object) -> Script:
        turns = [_GREETING, packet(3, switch("client_ed25519", b"x" * 32)), packet(5, ok())]
        return Script(servers=[turns], **more)  # type: ignore[arg-type]

    whole = script()
    _log_in(whole, role(TlsMode.REQUIRE))
    for number, command in enumerate(whole.commands):
        fault = Refusal(Reason.UPSTREAM_UNREACHABLE, "too slow", detail="10.0.0.1")
        with pytest.raises(Refusal) as caught:
            _log_in(script(faults={number: fault}), role(TlsMode.REQUIRE))
        assert caught.value is fault
        if not isinstance(command, Connect):
            gone = Disconnected(command.side) if hasattr(command, "side") else fault
            with pytest.raises(Refusal):
                _log_in(script(faults={number: gone}), role(TlsMode.REQUIRE))


# -- nobody's logins ------------------------------------------------------------------------------


def test_try_login_says_who_it_is_and_leaves(cut: int) -> None:
    script = Script(servers=[[_GREETING, _FAST_OK]], cut=cut)
    facts = script.run(try_login(role(), nonce))
    assert facts["database"] == "app_db"
    told = attributes(program_name="keyless check")
    assert _told(script).rest == b"app_db\0" + SHA2.encode() + b"\0" + bytes((len(told),)) + told
    assert _told(script).user == ACCOUNT
    assert script.said(Side.UPSTREAM)[-1] == QUIT


def test_try_login_without_a_database_names_none() -> None:
    script = Script(servers=[[_GREETING, _FAST_OK]])
    script.run(try_login(role(database=None), nonce))
    assert not _told(script).capabilities & CONNECT_WITH_DB


def test_try_login_tells_that_it_was_refused(cut: int) -> None:
    denied = packet(2, error(1045, "Access denied", "28000"))
    with pytest.raises(LoginRejected):
        Script(servers=[[_GREETING, denied]], cut=cut).run(try_login(role(), nonce))


def test_a_login_for_a_client_that_is_gone_is_finished(cut: int) -> None:
    script = Script(servers=[[_GREETING, _FAST_OK]], cut=cut)
    script.run(log_in_and_leave(script.run(dial(role())), nonce))
    assert _told(script).user == ACCOUNT
    assert not _told(script).capabilities & CONNECT_WITH_DB
    assert script.said(Side.UPSTREAM)[-1] == QUIT


@pytest.mark.parametrize(
    "answer", [packet(2, error(1045, "no")), packet(2, b"?"), packet(2, switch("dialog")), b""]
)
def test_how_that_goes_is_of_no_interest(answer: bytes) -> None:
    script = Script(servers=[[_GREETING, answer]])
    script.run(log_in_and_leave(script.run(dial(role())), nonce))
    assert script.said(Side.UPSTREAM)[-1] != QUIT


@pytest.mark.parametrize("flags", [COMPRESS, ZSTD])
def test_goodbye_is_in_the_frame_that_was_agreed_on(flags: int) -> None:
    script = Script(servers=[[b""]])
    script.connect()
    script.run(leave(Capability(flags)))
    assert script.upstream.received == b"\5\0\0\0" + b"\0\0\0" + QUIT


def test_who_does_not_hear_a_goodbye_is_gone_anyway() -> None:
    script = Script(servers=[[]], faults={0: Disconnected(Side.UPSTREAM)})
    script.connect()
    script.run(leave(Capability(0)))
