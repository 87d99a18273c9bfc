"""The client's half over scripted bytes: TLS however it begins, and every proof that is none."""

import pytest

from protocols.api import Disconnected, Send, Side, StartTls
from protocols.errors import ClientProtocolError, Reason, Refusal
from protocols.mysql.exchange import Exchange
from protocols.mysql.greeting import Greeting
from protocols.mysql.let_in import greet, make_scramble, take_any_proof
from protocols.mysql.messages import HandshakeResponse
from tests.protocols.mysql.server import (
    CLIENT,
    COMPRESS,
    NATIVE,
    SCRAMBLE,
    SHA2,
    SSL,
    Script,
    greeting,
    head,
    nonce,
    packet,
    response,
    switch,
)
from tests.protocols.script import Turns

_GREETING = Greeting.decode(greeting())
_SSL = packet(1, head(CLIENT | SSL))
_HELLO = b"\x16\x03\x01client hello"


def _greet(script: Script) -> HandshakeResponse:
    return script.run(greet(Exchange(Side.CLIENT), _GREETING))


def _proven(script: Script, said: bytes) -> tuple[bytes, ...]:
    """What must precede the OK."""
    client = Exchange(Side.CLIENT)
    client.sequence = 2
    decoded = HandshakeResponse.decode(said, _GREETING.capabilities)
    return script.run(take_any_proof(client, decoded, SCRAMBLE))


def test_a_challenge_is_of_characters_that_end_nothing() -> None:
    scramble = make_scramble(nonce)
    assert len(scramble) == 20
    assert all(0x21 <= byte <= 0x7E for byte in scramble)
    every = {make_scramble(lambda byte=byte: bytes((byte,)) * 18)[0] for byte in range(256)}  # type: ignore[misc]
    assert every == set(range(0x21, 0x7F))


def test_a_client_is_greeted_and_heard(cut: int) -> None:
    script = Script([packet(1, response("joe", database="shop"))], cut=cut)
    said = _greet(script)
    assert script.said(Side.CLIENT) == [packet(0, greeting())]
    assert (said.user, said.database) == ("joe", "shop")


@pytest.mark.parametrize("request_", [_SSL, packet(1, head(CLIENT | SSL)[:4])])
def test_tls_comes_before_the_rest(cut: int, request_: bytes) -> None:
    said = packet(2, response(capabilities=CLIENT | SSL))
    script = Script([request_, said], cut=cut)
    assert _greet(script).user == "joe"
    steps = [c for c in script.commands if isinstance(c, Send | StartTls)]
    assert steps == [Send(Side.CLIENT, packet(0, greeting())), StartTls(Side.CLIENT)]


def test_a_client_hello_may_be_here_already() -> None:
    """It is when both come in one segment; byte by byte they do not."""
    said = packet(2, response(capabilities=CLIENT | SSL))
    for size in range(1, len(_HELLO) + 1):
        script = Script([_SSL + _HELLO[:size], said])
        _greet(script)
        assert StartTls(Side.CLIENT, received=_HELLO[:size]) in script.commands


@pytest.mark.parametrize("received", [packet(2, response()), b"\x15", b"\0", b"GET / HTTP/1.1"])
def test_what_is_sent_in_clear_after_an_ssl_request_is_refused(received: bytes) -> None:
    script = Script([_SSL + received])
    with pytest.raises(ClientProtocolError, match="asked for TLS and did not begin it"):
        _greet(script)
    assert not any(isinstance(command, StartTls) for command in script.commands)


@pytest.mark.parametrize(
    ("turns", "why"),
    [
        ([packet(0, response())], "packet 0 came where 1 is due"),
        ([_SSL, packet(3, response())], "packet 3 came where 2 is due"),
        ([b"GET / HTTP/1.1\r\n\r\n"], "is this a MySQL client?"),
        ([packet(1, b"")], "older than MySQL 4.1"),
        ([packet(1, b"\x85\xa6\3\0\0\0joe\0")], "it ends"),
        ([packet(1, response()[:34])], "does not end"),
        ([_SSL, packet(2, head(CLIENT | SSL))], "does not end"),
        ([packet(1, response(capabilities=CLIENT | COMPRESS))], "not offered"),
    ],
)
def test_a_client_that_breaks_the_protocol_is_refused(turns: Turns, why: str) -> None:
    lean = Greeting.decode(greeting(capabilities=_GREETING.capabilities & ~COMPRESS))
    with pytest.raises(ClientProtocolError) as caught:
        Script(turns).run(greet(Exchange(Side.CLIENT), lean))
    assert why in str(caught.value)


def test_a_client_of_before_2004_is_refused() -> None:
    old = (CLIENT & 0xFDFF).to_bytes(2, "little") + b"\0\0\1joe\0"
    with pytest.raises(Refusal, match=r"older than MySQL 4\.1") as caught:
        _greet(Script([packet(1, old)]))
    assert caught.value.reason is Reason.UNSUPPORTED


def test_a_claim_is_bounded(cut: int) -> None:
    script = Script([b"\xff\xff\xff\1" + bytes(100)], cut=cut)
    with pytest.raises(ClientProtocolError) as caught:
        _greet(script)
    assert caught.value.reason is Reason.OVERSIZED


def test_a_client_may_leave_anywhere(cut: int) -> None:
    turns = [_SSL, packet(2, response(capabilities=CLIENT | SSL))]
    for turn, whole in enumerate(turns):
        for size in range(len(whole)):
            with pytest.raises(Disconnected):
                _greet(Script([*turns[:turn], whole[:size]], cut=cut))


# -- proofs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [b"", b"\0"])
def test_who_has_no_password_needs_only_an_ok(answer: bytes) -> None:
    script = Script()
    assert _proven(script, response(answer=answer)) == ()
    assert script.commands == []


def test_who_has_one_is_told_that_it_is_remembered() -> None:
    script = Script()
    assert _proven(script, response(answer=b"x" * 32)) == (b"\1\3",)
    assert script.commands == []


@pytest.mark.parametrize("answer", [b"", b"x" * 20])
def test_who_names_no_plugin_has_said_it_all(answer: bytes) -> None:
    script = Script()
    assert _proven(script, response(answer=answer, plugin=None)) == ()
    assert script.commands == []


@pytest.mark.parametrize(
    ("plugin", "first"),
    [
        (NATIVE, b""),
        (NATIVE, b"x" * 20),
        ("", b""),
        ("mysql_clear_password", b"a password\0"),
        ("client_ed25519", b"x" * 64),
        ("dummy_fallback_auth", b""),
        (SHA2, b"x" * 20),
    ],
)
@pytest.mark.parametrize("answer", [b"", b"\0", b"y" * 20])
def test_another_plugin_gives_way_to_the_native_one(
    cut: int, plugin: str, first: bytes, answer: bytes
) -> None:
    script = Script([packet(3, answer)], cut=cut)
    assert _proven(script, response(answer=first, plugin=plugin)) == ()
    assert script.said(Side.CLIENT) == [packet(2, switch(NATIVE))]
