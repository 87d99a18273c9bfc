"""Every message type: encode and decode undo each other, and foreign bytes are a ValueError."""

import struct
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.postgres import messages
from protocols.postgres.messages import (
    Authentication,
    CancelRequest,
    ErrorResponse,
    NegotiateProtocolVersion,
    PasswordMessage,
    StartupMessage,
)
from tests.secrecy import CANARY
from tests.wire import cancel_request, message, startup

# Any bytes without NUL, as they come from the wire: in any encoding.
_texts = st.binary(max_size=20).map(lambda raw: messages.text(raw.replace(b"\0", b"")))
_names = _texts.filter(bool)
_versions = st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))


def _body(encoded: bytes) -> bytes:
    (length,) = struct.unpack_from(">i", encoded, 1)
    assert length == len(encoded) - 1
    return encoded[5:]


def test_startup_message_is_laid_out_as_documented() -> None:
    packet = startup(0x30002, user="joe", database="shop")
    decoded = StartupMessage.decode(packet)
    assert decoded == StartupMessage((3, 2), {"user": "joe", "database": "shop"})
    assert decoded.encode() == packet


@given(_versions, st.dictionaries(_names, _texts))
def test_startup_message_survives(version: tuple[int, int], parameters: dict[str, str]) -> None:
    encoded = StartupMessage(version, parameters).encode()
    assert struct.unpack_from(">i", encoded) == (len(encoded),)
    assert StartupMessage.decode(encoded) == StartupMessage(version, parameters)
    assert StartupMessage.decode(encoded).encode() == encoded


def test_of_two_startup_parameters_with_one_name_the_last_counts() -> None:
    decoded = StartupMessage.decode(b"\0\0\0\0\0\3\0\0user\0joe\0user\0ann\0\0")
    assert decoded.parameters == {"user": "ann"}


@pytest.mark.parametrize(
    "parameters",
    [b"", b"user\0joe\0", b"user\0joe\0\0\0", b"user\0\0", b"\0user\0joe\0\0", b"user\0joe\0\0x"],
)
def test_startup_parameters_without_their_end_are_no_message(parameters: bytes) -> None:
    with pytest.raises(ValueError, match="expected terminator as last byte"):
        StartupMessage.decode(b"\0\0\0\0\0\3\0\0" + parameters)


def test_a_name_with_a_nul_byte_is_never_encoded() -> None:
    with pytest.raises(ValueError, match="has a NUL byte in it"):
        StartupMessage((3, 0), {"user": "joe\0database"}).encode()


@pytest.mark.parametrize("size", [8, 9, 36, 260])
def test_cancel_request_survives(size: int) -> None:
    key = bytes(range(256)) * 2
    packet = cancel_request(key[:size])
    assert CancelRequest.decode(packet) == CancelRequest(key[:size])
    assert CancelRequest.decode(packet).encode() == packet


@pytest.mark.parametrize("size", [0, 4, 7, 261])
def test_a_cancel_key_has_4_to_256_bytes(size: int) -> None:
    with pytest.raises(ValueError, match="a cancel key has 4 to 256 bytes"):
        CancelRequest.decode(cancel_request(bytes(size)))


@given(_versions, st.lists(_texts, max_size=5).map(tuple))
def test_negotiate_protocol_version_survives(
    newest: tuple[int, int], unrecognized: tuple[str, ...]
) -> None:
    original = NegotiateProtocolVersion(newest, unrecognized)
    assert NegotiateProtocolVersion.decode(_body(original.encode())) == original


def test_negotiate_protocol_version_is_laid_out_as_documented() -> None:
    encoded = NegotiateProtocolVersion((3, 2), ("_pq_.a", "_pq_.b")).encode()
    assert encoded == message(b"v", b"\0\3\0\2" + b"\0\0\0\2" + b"_pq_.a\0_pq_.b\0")


@pytest.mark.parametrize(
    "body", [b"", bytes(7), bytes(7) + b"\1", bytes(8) + b"a\0", bytes(7) + b"\1a"]
)
def test_options_that_are_not_as_many_as_counted_are_no_message(body: bytes) -> None:
    with pytest.raises(ValueError, match="NegotiateProtocolVersion"):
        NegotiateProtocolVersion.decode(body)


@given(st.integers(-(2**31), 2**31 - 1), st.binary(max_size=50))
def test_authentication_survives(method: int, data: bytes) -> None:
    original = Authentication(method, data)
    assert original.encode() == message(b"R", struct.pack(">i", method) + data)
    assert Authentication.decode(_body(original.encode())) == original


_fields = st.tuples(st.characters(exclude_characters="\0", codec="utf-8"), _texts)


@given(st.lists(_fields.map(lambda f: (f[0], f[1])), max_size=6).map(tuple))
def test_error_response_survives(fields: tuple[tuple[str, str], ...]) -> None:
    encoded = ErrorResponse(fields).encode()
    assert ErrorResponse.decode(_body(encoded)).encode() == encoded
    assert ErrorResponse.decode(_body(encoded)) == ErrorResponse(fields)


def test_a_fatal_error_has_the_fields_that_clients_need() -> None:
    fatal = ErrorResponse.fatal("3D000", "no such role")
    assert fatal.encode() == message(b"E", b"SFATAL\0VFATAL\0C3D000\0Mno such role\0\0")
    assert fatal.field("H") == ""


@pytest.mark.parametrize("body", [b"", b"\0\0", b"SFATAL\0", b"SFATAL", b"SFATAL\0\0C1\0\0"])
def test_error_fields_without_their_end_are_no_message(body: bytes) -> None:
    with pytest.raises(ValueError, match="ErrorResponse"):
        ErrorResponse.decode(body)


@pytest.mark.parametrize(
    "decode",
    [
        StartupMessage.decode,
        CancelRequest.decode,
        NegotiateProtocolVersion.decode,
        Authentication.decode,
        ErrorResponse.decode,
    ],
)
@given(data=st.data())
def test_foreign_bytes_are_a_value_error(
    decode: Callable[[bytes], object], data: st.DataObject
) -> None:
    mixed = st.lists(st.sampled_from([b"\0", b"\0\3", b"a", b"\xff", b"user\0"])).map(b"".join)
    raw = data.draw(st.binary(max_size=300) | mixed)
    with suppress(ValueError):
        decode(raw)


@given(st.lists(st.sampled_from([b"\0", b"a", b"\xff", b"S1\0"])).map(b"".join))
def test_what_is_decoded_is_encoded_as_it_came(raw: bytes) -> None:
    with suppress(ValueError):
        assert ErrorResponse.decode(raw).encode() == message(b"E", raw)
    with suppress(ValueError):
        assert Authentication.decode(raw).encode() == message(b"R", raw)
    with suppress(ValueError):
        packet = struct.pack(">iI", 8 + len(raw), 0x30000) + raw
        names = raw.split(b"\0")[:-2:2]
        decoded = StartupMessage.decode(packet)
        assert len(set(names)) < len(names) or decoded.encode() == packet


def test_a_credential_is_in_no_repr() -> None:
    said = CANARY.encode()
    for value in (PasswordMessage(said), Authentication(5, said), CancelRequest(said)):
        assert "nary" not in repr(value)
