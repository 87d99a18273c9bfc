"""A stream is cut into its messages however it came, and a long one costs no memory."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import Reason, Refusal
from protocols.postgres.frames import KEPT, Copied, Frames, Receiver, Rest
from tests.wire import message

Seen = list[tuple[bytes, bytes, int]]
_FAULT = Refusal(Reason.MALFORMED, "no length")


class _Rest:
    """Keeps how much it was shown, and the last byte of it."""

    def __init__(self) -> None:
        self.size = 0
        self.last = b""

    def take(self, piece: memoryview) -> None:
        self.size += len(piece)
        self.last = bytes(piece[-1:]) or self.last


class _Receiver(Receiver):
    """Keeps what it is handed; whatever has a rest, has it shown to `rest`."""

    def __init__(self, shown: bytes, told: bytes = b"", rest: Rest | None = None) -> None:
        super().__init__(shown=shown, told=told)
        self.seen: Seen = []
        self._rest = rest

    def take(self, kind: int, body: bytes, size: int) -> Rest | None:
        self.seen.append((bytes([kind]), body, size))
        return self._rest


def _frames(
    kept: bytes = b"QE", rest: Rest | None = None, told: bytes = b""
) -> tuple[Frames, Seen, Copied]:
    receiver = _Receiver(kept, told, rest)
    copied = Copied()
    return Frames(receiver, _FAULT, copied), receiver.seen, copied


def _feed(frames: Frames, data: bytes, cut: int) -> None:
    for start in range(0, len(data), cut):
        frames.feed(memoryview(data)[start : start + cut])


def test_messages_are_handed_on_and_others_passed_over(cut: int) -> None:
    frames, seen, _ = _frames()
    _feed(frames, message(b"Q", b"one") + message(b"D", b"two") + message(b"E"), cut)
    assert seen == [(b"Q", b"one", 3), (b"E", b"", 0)]
    assert frames.at_boundary()


def test_of_some_only_that_they_came_is_told(cut: int) -> None:
    frames, seen, _ = _frames(told=b"T")
    _feed(frames, message(b"T", b"columns") + message(b"Q", b"one") + message(b"T"), cut)
    assert seen == [(b"T", b"", 7), (b"Q", b"one", 3), (b"T", b"", 0)]
    assert frames.at_boundary()


def test_copied_bytes_are_counted_without_their_headers(cut: int) -> None:
    frames, seen, copied = _frames()
    _feed(frames, message(b"d", b"12345") + message(b"d") + message(b"D", b"123"), cut)
    assert (copied.bytes, seen) == (5, [])


def test_copied_bytes_of_both_sides_are_told_once() -> None:
    copied = Copied()
    for frames in (Frames(_Receiver(b""), _FAULT, copied) for _ in range(2)):
        frames.feed(memoryview(message(b"d", b"12345")))
    assert (copied.tell(), copied.tell()) == (10, 0)


@pytest.mark.parametrize("size", [KEPT - 5, KEPT - 4, KEPT - 1, KEPT, KEPT + 1, 3 * KEPT])
@pytest.mark.parametrize("cut", [1_000, 2_048, 2_049, KEPT, 1 << 30])
def test_of_a_long_body_the_beginning_is_kept(size: int, cut: int) -> None:
    frames, seen, _ = _frames()
    body = bytes(range(256)) * (size // 256 + 1)
    _feed(frames, message(b"Q", body[:size]) + message(b"E", b"after"), cut)
    assert seen == [(b"Q", body[: min(size, KEPT)], size), (b"E", b"after", 5)]
    assert frames.at_boundary()


@pytest.mark.parametrize("size", [KEPT - 1, KEPT, KEPT + 1, 3 * KEPT])
@pytest.mark.parametrize("cut", [1_000, 2_048, KEPT + 2, KEPT + 5, KEPT + 6, 1 << 30])
def test_the_rest_of_a_long_body_is_shown_to_whom_the_handler_names(size: int, cut: int) -> None:
    rest = _Rest()
    frames, seen, _ = _frames(rest=rest)
    body = b"x" * (size - 1) + b"y"
    _feed(frames, message(b"Q", body) + message(b"E", b"after") + message(b"D", b"z"), cut)
    assert (rest.size, rest.last) == ((size - KEPT, b"y") if size > KEPT else (0, b""))
    assert seen[1] == (b"E", b"after", 5)


def test_a_message_is_handed_on_as_soon_as_what_is_kept_of_it_is_there() -> None:
    frames, seen, _ = _frames()
    data = message(b"Q", bytes(KEPT + 10))
    frames.feed(memoryview(data)[: KEPT + 4])
    assert seen == []
    frames.feed(memoryview(data)[KEPT + 4 : KEPT + 5])
    assert seen == [(b"Q", bytes(KEPT), KEPT + 10)]
    assert not frames.at_boundary()
    frames.feed(memoryview(data)[KEPT + 5 :])
    assert frames.at_boundary()


@pytest.mark.parametrize("kind", [b"Q", b"D", b"d"])
def test_a_gigabyte_costs_no_memory(kind: bytes) -> None:
    frames, seen, _ = _frames()
    chunk = memoryview(bytes(KEPT))
    tracemalloc.start()
    try:
        frames.feed(memoryview(kind + (0x3FFFFFFF).to_bytes(4, "big")))
        for _ in range((0x3FFFFFFF - 4) // KEPT):
            frames.feed(chunk)
        assert tracemalloc.get_traced_memory()[1] < 4 * KEPT
    finally:
        tracemalloc.stop()
    assert not frames.at_boundary()
    frames.feed(chunk[: (0x3FFFFFFF - 4) % KEPT])
    assert frames.at_boundary()
    assert [size for _, _, size in seen] == ([0x3FFFFFFF - 4] if kind == b"Q" else [])


@pytest.mark.parametrize("length", [0, 1, 3, 0x40000000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
@pytest.mark.parametrize("kind", [b"Q", b"D", b"d"])
def test_a_length_that_is_none_is_the_end(cut: int, kind: bytes, length: int) -> None:
    frames, seen, _ = _frames()
    with pytest.raises(Refusal) as caught:
        _feed(frames, message(b"Q") + kind + length.to_bytes(4, "big") + bytes(50), cut)
    assert caught.value is _FAULT
    assert seen == [(b"Q", b"", 0)]


_messages = st.lists(
    st.tuples(st.sampled_from([b"Q", b"E", b"D", b"d"]), st.binary(max_size=40)), max_size=12
)


@given(_messages, st.lists(st.integers(1, 60), min_size=1))
def test_it_is_all_one_how_a_stream_is_cut(
    messages: list[tuple[bytes, bytes]], cuts: list[int]
) -> None:
    data = memoryview(b"".join(message(kind, body) for kind, body in messages))
    frames, seen, copied = _frames()
    while data:
        size = cuts.pop(0) if cuts else len(data)
        frames.feed(data[:size])
        data = data[size:]
    assert seen == [(k, body, len(body)) for k, body in messages if k in b"QE"]
    assert copied.bytes == sum(len(body) for kind, body in messages if kind == b"d")
    assert frames.at_boundary()
