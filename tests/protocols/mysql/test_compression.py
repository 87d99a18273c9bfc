"""Compressed frames are taken apart however they came, and never give more than they claim."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import ClientProtocolError
from protocols.mysql.compression import Frames, framed
from tests.protocols.mysql.conversation import COMPRESS, chunks, numbered, zstd_of_window
from tests.protocols.mysql.server import packet

_FAULT = ClientProtocolError("malformed")
_LONG = 100_000
_RANDOM = bytes((i * i * 7919) >> 8 & 0xFF for i in range(300_000))  # compresses badly


def _frame(number: int, payload: bytes, claimed: int = 0) -> bytes:
    head = len(payload).to_bytes(3, "little") + bytes((number,)) + claimed.to_bytes(3, "little")
    return head + payload


def _compressed(algorithm: str, number: int, plain: bytes) -> bytes:
    return _frame(number, COMPRESS[algorithm](plain), len(plain))


def _read(frames: Frames, data: bytes, cut: int) -> tuple[bytes, bytes]:
    raw, plain = bytearray(), bytearray()
    for chunk in chunks(data, cut):
        for piece, inflated in frames.feed(chunk):
            raw += piece
            for part in inflated:
                plain += part
    return bytes(raw), bytes(plain)


@pytest.fixture(params=["zlib", "zstd"])
def algorithm(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.mark.parametrize("plain", [b"x", b"SELECT 1" * 20, bytes(_LONG), _RANDOM])
def test_what_is_compressed_comes_out_and_goes_on_as_it_was(
    cut: int, algorithm: str, plain: bytes
) -> None:
    data = _frame(0, b"plain") + _compressed(algorithm, 1, plain) + _frame(2, b"more")
    frames = Frames(algorithm, _FAULT)
    step = max(cut, 1_000) if len(data) > _LONG else cut
    assert _read(frames, data, step) == (data, b"plain" + plain + b"more")
    assert frames.sequence == 2
    assert frames.at_boundary()


def test_the_middle_of_a_frame_is_no_boundary(cut: int, algorithm: str) -> None:
    data = _compressed(algorithm, 1, b"SELECT 1" * 20)
    for size in range(1, len(data)):
        frames = Frames(algorithm, _FAULT)
        _read(frames, data[:size], cut)
        assert not frames.at_boundary()


def test_a_short_frame_is_handed_on_whole_and_a_long_one_as_it_comes(algorithm: str) -> None:
    frames = Frames(algorithm, _FAULT)
    short, long = _frame(0, b"x" * 65_536), _frame(0, b"x" * 65_537)
    assert _read(frames, short[:-1], 1_000) == (b"", b"")
    assert _read(frames, short[-1:], 1_000) == (short, short[7:])
    assert frames.short
    assert _read(frames, long[:-1], 1_000) == (long[:-1], long[7:-1])
    assert not frames.short


@pytest.mark.parametrize("difference", [-1, 1, 70_000])
def test_a_frame_must_hold_what_it_claims(cut: int, algorithm: str, difference: int) -> None:
    plain = b"SELECT 1" * 10_000
    data = _frame(0, COMPRESS[algorithm](plain), len(plain) - difference)
    with pytest.raises(ClientProtocolError, match="malformed"):
        _read(Frames(algorithm, _FAULT), data, cut)


@pytest.mark.parametrize("end", [-1, -9])
def test_a_frame_must_come_to_its_end(cut: int, algorithm: str, end: int) -> None:
    plain = b"SELECT 1" * 20
    data = _frame(0, COMPRESS[algorithm](plain)[:end], len(plain))
    with pytest.raises(ClientProtocolError, match="malformed"):
        _read(Frames(algorithm, _FAULT), data, cut)


def test_nothing_may_stand_behind_the_end(cut: int, algorithm: str) -> None:
    plain = b"SELECT 1" * 20
    for more in (b"x", COMPRESS[algorithm](b"DROP TABLE t")):
        data = _frame(0, COMPRESS[algorithm](plain) + more, len(plain))
        with pytest.raises(ClientProtocolError, match="malformed"):
            _read(Frames(algorithm, _FAULT), data, cut)


def test_a_bomb_stops_at_what_was_claimed(algorithm: str) -> None:
    bomb = COMPRESS[algorithm](bytes(40 << 20))
    tracemalloc.start()
    for claimed in (1, 100, (1 << 24) - 1):
        sizes: list[int] = []
        with pytest.raises(ClientProtocolError, match="malformed"):
            _measure(Frames(algorithm, _FAULT), _frame(0, bomb, claimed), sizes)
        assert sum(sizes) <= claimed
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20


def _measure(frames: Frames, data: bytes, sizes: list[int]) -> None:
    for _, inflated in frames.feed(memoryview(data)):
        sizes.extend(map(len, inflated))


def test_a_window_larger_than_any_payload_is_refused() -> None:
    payload = zstd_of_window(27, b"x" * 100)
    with pytest.raises(ClientProtocolError, match="malformed"):
        _read(Frames("zstd", _FAULT), _frame(0, payload, 100), 1_000)


@given(st.binary(min_size=1, max_size=80), st.integers(1, 200))
def test_foreign_bytes_are_a_refusal(payload: bytes, claimed: int) -> None:
    for algorithm in COMPRESS:
        frames = Frames(algorithm, _FAULT)
        with pytest.raises(ClientProtocolError, match="malformed"):
            _read(frames, _frame(0, payload, claimed), 7)


def test_packets_of_ours_are_framed_one_by_one() -> None:
    data = numbered(1, b"one", b"") + packet(0, b"two" * 30_000)
    raw, plain = _read(Frames("zlib", _FAULT), framed(data), 1_000)
    assert plain == data
    assert raw == b"".join(
        _frame(number, packet(number, payload))
        for number, payload in ((1, b"one"), (2, b""), (0, b"two" * 30_000))
    )


def test_nothing_may_stand_behind_the_end_of_a_long_frame(cut: int, algorithm: str) -> None:
    payload = COMPRESS[algorithm](b"SELECT 1")
    data = _frame(0, payload + bytes(_LONG), 8)[: 7 + len(payload) + 1]
    with pytest.raises(ClientProtocolError, match="malformed"):
        _read(Frames(algorithm, _FAULT), data, cut)
