"""Whatever the bytes and wherever it breaks: a handshake ends in a refusal, and within bounds."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.api import (
    CancelRequest,
    Compute,
    Connect,
    Disconnected,
    Flow,
    NeedLogin,
    Recall,
    Receive,
    Remember,
    Send,
    Side,
    StartTls,
    TlsMode,
)
from protocols.errors import Reason, Refusal
from protocols.postgres.handshake import handshake
from tests.protocols.postgres.server import ACCOUNT, ScramServer, error, nonce, role
from tests.protocols.script import Fault, Script
from tests.wire import startup

_SSL = struct.pack(">ii", 8, 80877103)
_GSSENC = struct.pack(">ii", 8, 80877104)


def _script(cut: int, **settings: dict[int, Fault]) -> Script:
    return Script(
        [_GSSENC, _SSL, startup(user="joe")],
        servers=[[b"S", *ScramServer().turns]],
        cut=cut,
        logins=[role(TlsMode.VERIFY_FULL)],
        **settings,  # type: ignore[arg-type]
    )


def _commands_of(cut: int) -> list[tuple[int, object]]:
    script = _script(cut)
    assert isinstance(script.run(handshake(nonce)), Flow)
    return list(enumerate(script.commands))


def test_wherever_upstream_leaves_the_client_is_told(cut: int) -> None:
    for number, command in _commands_of(cut):
        if isinstance(command, Receive | Send | StartTls) and command.side is Side.UPSTREAM:
            script = _script(cut, faults={number: Disconnected(Side.UPSTREAM)})
            with pytest.raises(Refusal, match="closed the connection during the login") as caught:
                script.run(handshake(nonce))
            assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
            assert script.said(Side.CLIENT)[-1] == error("08006", str(caught.value))


def test_wherever_the_client_leaves_nothing_more_is_sent(cut: int) -> None:
    for number, command in _commands_of(cut):
        if isinstance(command, Receive | Send | StartTls) and command.side is Side.CLIENT:
            script = _script(cut, faults={number: Disconnected(Side.CLIENT)})
            with pytest.raises(Disconnected) as caught:
                script.run(handshake(nonce))
            assert caught.value.side is Side.CLIENT
            assert len(script.commands) == number + 1


def test_whatever_fails_the_client_is_told_once(cut: int) -> None:
    for number, _ in _commands_of(cut):
        fault = Refusal(Reason.INTERNAL, "it failed", detail=ACCOUNT)
        script = _script(cut, faults={number: fault})
        with pytest.raises(Refusal) as caught:
            script.run(handshake(nonce))
        assert caught.value is fault
        assert script.said(Side.CLIENT)[-1] == error("XX000", "it failed")
        assert len(script.commands) == number + 2


def test_that_the_client_has_left_hides_no_refusal() -> None:
    number = next(n for n, command in _commands_of(1) if isinstance(command, NeedLogin))
    fault = Refusal(Reason.SECRET_UNAVAILABLE, "it cannot be had")
    gone = Disconnected(Side.CLIENT)
    script = _script(1, faults={number: fault, number + 1: gone})
    with pytest.raises(Refusal) as caught:
        script.run(handshake(nonce))
    assert caught.value is fault


def test_every_kind_of_command_is_among_those_tried() -> None:
    kinds = {type(command) for _, command in _commands_of(1)}
    shared = {Compute, Recall, Remember}
    assert kinds == {Receive, Send, StartTls, NeedLogin, Connect} | shared


# -- foreign bytes --------------------------------------------------------------------------------

_PIECES = st.sampled_from(
    [
        _SSL,
        _GSSENC,
        startup(user="joe"),
        startup(0x3270F, user="joe"),
        b"\0\0\0\x10\4\xd2\x16.12345678",
    ]
)
_CLIENT = st.lists(st.lists(st.binary(max_size=40) | _PIECES, max_size=4).map(b"".join), max_size=4)


Outcome = Flow | CancelRequest | Refusal | Disconnected


def _outcome(script: Script) -> Outcome:
    """How the handshake ends. A refusal is the last thing that the client was told."""
    outcome: Outcome
    try:
        outcome = script.run(handshake(nonce))
    except (Refusal, Disconnected) as fault:
        outcome = fault
    if isinstance(outcome, Refusal):
        told = script.said(Side.CLIENT)[-1]
        assert (told[:1], str(outcome).encode() in told) == (b"E", True)
    return outcome


@given(_CLIENT, st.integers(1, 60))
def test_foreign_bytes_of_a_client_end_in_a_refusal(turns: list[bytes], cut: int) -> None:
    script = Script(turns, [[b"N"]], cut, [role(TlsMode.REQUIRE)], patient=False)
    assert isinstance(_outcome(script), CancelRequest | Refusal | Disconnected)


_MESSAGES = st.sampled_from([b"S", b"N", *ScramServer().turns, error("28P01", "no"), b"v\0\0\0\4"])
_SERVER = st.lists(
    st.lists(st.binary(max_size=40) | _MESSAGES, max_size=4).map(b"".join), max_size=5
)


@given(_SERVER, st.integers(1, 60), st.sampled_from([TlsMode.DISABLE, TlsMode.REQUIRE]))
def test_foreign_bytes_of_upstream_end_in_a_refusal(
    turns: list[bytes], cut: int, mode: TlsMode
) -> None:
    logins = [role(mode, "none", "md5")]
    script = Script([startup(user="joe")], [turns], cut, logins, patient=False)
    assert isinstance(_outcome(script), Flow | Refusal)


@given(st.binary(min_size=4, max_size=4), st.integers(1, 4_096))
def test_no_more_is_read_from_a_client_than_a_startup_packet_holds(head: bytes, cut: int) -> None:
    script = Script([head + b"x" * 100_000], cut=cut)
    with pytest.raises((Refusal, Disconnected)):
        script.run(handshake(nonce))
    assert script.to_client.read < 10_004 + cut


@given(st.binary(min_size=5, max_size=5), st.integers(1, 4_096))
def test_no_more_is_read_from_upstream_than_a_login_holds(head: bytes, cut: int) -> None:
    login = role(TlsMode.DISABLE, "none")
    script = Script([startup(user="joe")], [[head + b"x" * 100_000]], cut, [login])
    with pytest.raises(Refusal):
        script.run(handshake(nonce))
    assert script.upstream.read < 30_001 + cut
