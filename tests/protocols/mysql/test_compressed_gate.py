"""The gate of a compressed session: most frames pass as they came."""

import zlib

import pytest

from protocols.errors import ClientProtocolError, ServerProtocolError
from protocols.mysql.capabilities import Capability
from protocols.mysql.packets import MAX_PAYLOAD
from tests.protocols.mysql.conversation import (
    COMPRESS,
    OK,
    PING,
    PLAIN,
    Gated,
    answer,
    change_user,
    command,
    done,
    failed,
    init_db,
    numbered,
    query,
    result,
    row,
    set_charset,
)
from tests.protocols.mysql.server import SHA2, packet, switch

_FLAGS = {"zlib": Capability.COMPRESS, "zstd": Capability.ZSTD_COMPRESSION_ALGORITHM}


class _Compressed(Gated):
    """Frames what goes in by this algorithm."""

    def __init__(self, cut: int, algorithm: str) -> None:
        super().__init__(cut, PLAIN | _FLAGS[algorithm])
        self._compress = COMPRESS[algorithm]

    def frame(self, number: int, plain: bytes) -> bytes:
        return _frame(number, self._compress(plain), len(plain))


def _frame(number: int, payload: bytes, claimed: int = 0) -> bytes:
    head = len(payload).to_bytes(3, "little") + bytes((number,)) + claimed.to_bytes(3, "little")
    return head + payload


@pytest.fixture(params=["zlib", "zstd"])
def gated(request: pytest.FixtureRequest, cut: int) -> _Compressed:
    return _Compressed(cut, request.param)


def test_harmless_frames_pass_as_they_came(gated: _Compressed) -> None:
    both = query("SELECT 1") + command(PING)
    data = gated.frame(0, query("x" * 500)) + _frame(0, both) + gated.frame(0, both * 20)
    assert gated.to_upstream(data) == data
    selected = gated.frame(1, result([row(b"1")] * 200)) + _frame(1, OK * 60)
    assert gated.to_client(selected) == selected
    assert [event.statement for event in gated.events] == ["x" * 500, *["SELECT 1"] * 21]


def test_a_command_may_be_cut_anywhere_between_frames(gated: _Compressed) -> None:
    data = query("SELECT 1") + query("SELECT 2")
    for size in range(1, len(data)):
        frames = _frame(0, data[:size]) + gated.frame(1, data[size:])
        assert gated.to_upstream(frames) == frames
        gated.to_client(_frame(1, OK + OK))
    assert len(gated.events) == 2 * (len(data) - 1)


def test_a_refused_command_goes_on_as_a_plain_frame(gated: _Compressed) -> None:
    said = gated.to_upstream(gated.frame(0, command(b"\x12" + bytes(40))))
    assert said == _frame(0, said[7:])
    assert said[11:].startswith(b"\x03SIGNAL ")
    assert gated.to_upstream(gated.frame(0, command(PING))) == gated.frame(0, command(PING))


def test_what_is_in_the_frame_with_it_goes_on_too(gated: _Compressed) -> None:
    said = gated.to_upstream(_frame(0, query("a") + command(b"\x12") + query("b")))
    assert said.startswith(_frame(0, query("a")))
    assert said.endswith(_frame(0, query("b")))
    assert b"SIGNAL" in said


def test_a_change_of_user_has_frames_with_the_packets_numbers(gated: _Compressed) -> None:
    assert gated.to_upstream(gated.frame(0, change_user(plugin=SHA2))) == _frame(
        0, command(b"\x1f")
    )
    asked = gated.to_client(gated.frame(1, OK))
    assert asked == _frame(1, packet(1, switch(SHA2, asked[-21:])))
    said = gated.to_upstream(gated.frame(2, packet(2, b"p" * 32)))
    assert said == _frame(0, set_charset()) + _frame(0, init_db("app_db"))
    ended = gated.to_client(_frame(1, OK) + gated.frame(1, answer(done(1))))
    assert ended == _frame(3, packet(3, b"\1\3")) + _frame(4, packet(4, done(1)))
    both = gated.frame(0, query("SELECT 1"))
    assert gated.to_upstream(both) == both
    selected = gated.frame(1, result([row(b"1")]))
    assert gated.to_client(selected) == selected
    assert [event.statement for event in gated.events] == ["SELECT 1"]
    assert [told.command for told in gated.commands] == ["COM_CHANGE_USER"]


def test_a_decided_command_may_not_be_spread_over_frames(gated: _Compressed) -> None:
    data = command(b"\x12" + bytes(40))
    with pytest.raises(ClientProtocolError, match="spread over compressed packets"):
        gated.to_upstream(gated.frame(0, data[:20]) + gated.frame(1, data[20:]))


def test_a_decided_command_may_not_come_before_half_a_packet(gated: _Compressed) -> None:
    data = command(b"\x12") + query("x" * 40)[:20]
    with pytest.raises(ClientProtocolError, match="spread over compressed packets"):
        gated.to_upstream(gated.frame(0, data))


def test_a_decided_command_may_not_hide_in_a_long_frame(gated: _Compressed) -> None:
    noise = zlib.compress(bytes(range(256)) * 4_000, 0)[:100_000]
    data = query(noise) + command(b"\x12")
    with pytest.raises(ClientProtocolError, match="spread over compressed packets"):
        gated.to_upstream(_frame(0, data))


def test_a_long_frame_passes_as_it_comes() -> None:
    gated = _Compressed(10_000, "zlib")
    data = _frame(0, query("x" * 100_000)) + gated.frame(0, query("SELECT 1"))
    assert gated.to_upstream(data) == data
    first = numbered(0, b"\x03" + bytes(MAX_PAYLOAD - 1), b"\x12" * 50)
    frames = gated.frame(0, first[:MAX_PAYLOAD]) + gated.frame(1, first[MAX_PAYLOAD:])
    assert gated.to_upstream(frames) == frames


def test_what_is_no_frame_ends_the_session(gated: _Compressed) -> None:
    bad = _frame(0, b"not compressed", 100)
    with pytest.raises(ClientProtocolError, match="compressed packet that is malformed"):
        gated.to_upstream(bad)
    with pytest.raises(ServerProtocolError, match="compressed packet that is malformed"):
        gated.to_client(bad)


def test_an_upstream_that_says_more_than_it_was_asked_ends_the_session(gated: _Compressed) -> None:
    gated.to_upstream(gated.frame(0, change_user()))
    gated.to_client(gated.frame(1, OK))
    gated.to_upstream(gated.frame(2, packet(2, b"")))
    more = _frame(1, OK) + _frame(1, OK)
    if gated.cut > len(more):
        with pytest.raises(ServerProtocolError, match="did not answer COM_CHANGE_USER"):
            gated.to_client(more + _frame(0, answer(failed()))[:-1])
