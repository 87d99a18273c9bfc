"""The packets of a login: read as they are written, bounded by what was offered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.mysql.capabilities import Capability
from protocols.mysql.messages import (
    AuthSwitchRequest,
    ErrPacket,
    HandshakeResponse,
    OkPacket,
    asks_for_tls,
    decode_attributes,
    encode_attributes,
)
from tests.protocols.mysql.server import (
    CLIENT,
    COMPRESS,
    CONNECT_ATTRS,
    CONNECT_WITH_DB,
    LENENC,
    MYSQL,
    SECURE_CONNECTION,
    SHA2,
    SSL,
    ZSTD,
    attributes,
    error,
    head,
    ok,
    response,
    switch,
)

_ALL = Capability(MYSQL)
_ATTRIBUTES = attributes(program_name="mysql", _os="Linux")
_WHOLE = response(
    answer=b"x" * 32, database="shop", attributes=_ATTRIBUTES, zstd_level=7, charset=255
)


def test_all_that_a_client_says_is_read() -> None:
    read = HandshakeResponse.decode(_WHOLE, _ALL)
    assert read.capabilities == CLIENT | CONNECT_WITH_DB | CONNECT_ATTRS | ZSTD
    assert (read.user, read.answer, read.database) == ("joe", b"x" * 32, "shop")
    assert (read.plugin, read.charset, read.max_packet_size) == (SHA2, 255, 1 << 24)
    assert (read.attributes, read.zstd_level) == (_ATTRIBUTES, 7)


@pytest.mark.parametrize(
    "payload",
    [
        _WHOLE,
        response(),
        response(database=""),
        response(plugin=None, attributes=b""),
        response(plugin=None, capabilities=CLIENT & ~LENENC, answer=b"y" * 255),
        response("ünï", attributes=_ATTRIBUTES),
        response(capabilities=CLIENT | COMPRESS | ZSTD),  # zlib goes first, and has no level
        response(capabilities=CLIENT & ~1, extension=0x1D),
    ],
)
def test_a_response_is_written_as_it_was_read(payload: bytes) -> None:
    offer = _ALL | Capability(0x1D << 32)
    assert HandshakeResponse.decode(payload, offer).encode() == payload


def test_a_long_answer_needs_the_longer_length() -> None:
    read = HandshakeResponse.decode(response(), _ALL)
    long = HandshakeResponse(
        capabilities=read.capabilities,
        max_packet_size=1,
        charset=1,
        user="u",
        answer=b"z" * 1000,
        plugin="p",
    )
    assert HandshakeResponse.decode(long.encode(), _ALL) == long
    old = HandshakeResponse(
        capabilities=read.capabilities & ~Capability(LENENC),
        max_packet_size=1,
        charset=1,
        user="u",
        answer=b"z" * 256,
    )
    with pytest.raises(ValueError, match="too long for so old a server"):
        old.encode()


def test_what_was_not_offered_is_not_chosen() -> None:
    """PyMySQL sets CONNECT_ATTRS and mysql2 a few more, and write no more than was offered."""
    payload = response(capabilities=CLIENT | CONNECT_ATTRS | LENENC | 1 << 29)
    read = HandshakeResponse.decode(payload, Capability(CLIENT))
    assert read.capabilities == CLIENT
    assert read.attributes == b""


@pytest.mark.parametrize("algorithm", [COMPRESS, ZSTD, COMPRESS | ZSTD])
def test_compression_that_was_not_offered_is_refused(algorithm: int) -> None:
    payload = response(capabilities=CLIENT | algorithm, zstd_level=3 if algorithm & ZSTD else None)
    with pytest.raises(ValueError, match="compresses by an algorithm that was not offered"):
        HandshakeResponse.decode(payload, _ALL & ~Capability(algorithm))


def test_a_client_before_the_longer_challenge_ends_its_answer_with_a_nul() -> None:
    payload = head(CLIENT & ~SECURE_CONNECTION & ~LENENC) + b"joe\0answer\0" + SHA2.encode() + b"\0"
    read = HandshakeResponse.decode(payload, _ALL)
    assert (read.user, read.answer, read.plugin) == ("joe", b"answer", SHA2)


def test_a_last_string_may_lack_its_nul() -> None:
    assert HandshakeResponse.decode(response()[:-1], _ALL).plugin == SHA2


@pytest.mark.parametrize("size", [*range(68), len(_WHOLE) - 1])
def test_what_ends_too_early_is_no_response(size: int) -> None:
    with pytest.raises(ValueError, match=r"too early|does not end"):
        HandshakeResponse.decode(_WHOLE[:size], _ALL)


def test_an_answer_is_not_in_its_repr() -> None:
    assert "xxx" not in repr(HandshakeResponse.decode(_WHOLE, _ALL))


@pytest.mark.parametrize(
    ("payload", "asks"),
    [
        (head(CLIENT | SSL), True),
        (head(CLIENT | SSL)[:4], True),  # Connector/J of old
        (head(CLIENT), False),
        (response(capabilities=CLIENT | SSL), False),
        (head(CLIENT | SSL)[:31], False),
        (b"", False),
    ],
)
def test_an_ssl_request_ends_before_the_users_name(payload: bytes, asks: bool) -> None:
    assert asks_for_tls(payload) is asks


def test_attributes_are_read_as_far_as_they_go() -> None:
    told = {"program_name": "mysql", "_os": "Linux"}
    assert decode_attributes(_ATTRIBUTES) == told
    assert decode_attributes(_ATTRIBUTES + b"\5odd") == told
    assert decode_attributes(b"") == {}
    assert encode_attributes(told) == _ATTRIBUTES


@given(st.dictionaries(st.text(), st.text()))
def test_attributes_are_read_as_they_were_written(told: dict[str, str]) -> None:
    assert decode_attributes(encode_attributes(told)) == told


def test_a_switch_names_a_plugin_and_has_its_challenge() -> None:
    payload = switch("client_ed25519", b"x" * 32)
    read = AuthSwitchRequest.decode(payload)
    assert (read.plugin, read.data) == ("client_ed25519", b"x" * 32)
    assert read.encode() == payload
    with pytest.raises(ValueError, match="does not end"):
        AuthSwitchRequest.decode(b"\xfeno_end")


@pytest.mark.parametrize(
    "payload",
    [ok(), ok(b"info"), ok(b"", status=0x4002, state=b"\1\4\3app"), ok(b"both", state=b"\1\0")],
)
def test_an_ok_is_written_as_it_was_read(payload: bytes) -> None:
    assert OkPacket.decode(payload).encode() == payload


def test_an_ok_tells_its_info() -> None:
    assert OkPacket.decode(ok(b"info")).info == b"info"
    assert OkPacket.decode(ok()).info is None
    with pytest.raises(ValueError, match="too early"):
        OkPacket.decode(ok()[:-1])


@pytest.mark.parametrize(
    ("payload", "read"),
    [
        (error(1045, "no", "28000"), ErrPacket(1045, "28000", "no")),
        (error(1040, "Too many connections", None), ErrPacket(1040, None, "Too many connections")),
        (error(1130, "", None), ErrPacket(1130, None, "")),
    ],
)
def test_an_error_has_an_sqlstate_or_none(payload: bytes, read: ErrPacket) -> None:
    assert ErrPacket.decode(payload) == read
    assert read.encode() == payload


def test_an_error_without_a_code_is_none() -> None:
    with pytest.raises(ValueError, match="too early"):
        ErrPacket.decode(b"\xff\1")
