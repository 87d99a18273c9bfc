"""A stream is cut into the same packets however it came, and rows are only counted."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import Reason, Refusal
from protocols.mysql.frames import PacketReader, Packets
from protocols.mysql.packets import MAX_PAYLOAD
from tests.protocols.mysql.conversation import chunks, numbered
from tests.protocols.mysql.server import packet

_KEPT = 64
_FULL = b"\1" + bytes(MAX_PAYLOAD - 1)


@dataclass
class _Reader(PacketReader):
    """Notes what it is handed, and wants the rest of everything."""

    told: list[object] = field(default_factory=list)
    wants: bool = True

    def packet(self, body: bytes, size: int) -> bool:
        self.told.append((body, size))
        return self.wants

    def more(self, piece: memoryview | bytes) -> None:
        if self.told and isinstance(self.told[-1], bytearray):
            self.told[-1] += piece
        elif piece:
            self.told.append(bytearray(piece))

    def end(self) -> None:
        self.told.append("end")

    def passed(self) -> None:
        self.told.append("passed")


def _read(
    data: bytes, cut: int, kept: int = _KEPT, **state: object
) -> tuple[Packets, list[object]]:
    reader = _Reader()
    packets = Packets(reader, kept)
    for name, value in state.items():
        setattr(packets, name, value)
    for chunk in chunks(data, cut):
        packets.feed(chunk)
    return packets, reader.told


@pytest.mark.parametrize("size", [0, 1, _KEPT - 1, _KEPT])
def test_a_packet_that_is_kept_whole_is_handed_on_once(cut: int, size: int) -> None:
    packets, told = _read(packet(3, b"x" * size) + packet(4, b"next"), cut)
    assert told == [(b"x" * size, size), (b"next", 4)]
    assert packets.sequence == 4
    assert packets.at_boundary()


@pytest.mark.parametrize("size", [_KEPT + 1, 1_000, 100_000])
def test_of_a_long_packet_the_rest_follows(cut: int, size: int) -> None:
    packets, told = _read(packet(0, b"x" * size) + packet(1, b"next"), cut)
    rest = bytearray(b"x" * (size - _KEPT))
    assert told == [(b"x" * _KEPT, size), rest, "end", (b"next", 4)]
    assert packets.at_boundary()


def test_a_packet_that_is_not_over_is_no_boundary(cut: int) -> None:
    whole = packet(0, b"x" * 100)
    for size in range(1, len(whole)):
        packets, _ = _read(whole[:size], cut)
        assert not packets.at_boundary()


@pytest.mark.parametrize("last", [b"", b"\1", b"\xff" * 5_000])
def test_a_full_packet_goes_on_in_the_next_one_be_it_empty(last: bytes) -> None:
    """proxysql#1350: what goes on is no packet of its own."""
    data = packet(0, _FULL) + packet(1, _FULL) + packet(2, last) + packet(0, b"next")
    for cut in (60_000, 1 << 30):
        packets, told = _read(data, cut)
        rest = (_FULL + _FULL + last)[_KEPT:]
        assert told == [(_FULL[:_KEPT], MAX_PAYLOAD), bytearray(rest), "end", (b"next", 4)]
        assert packets.at_boundary()


def test_a_full_packet_alone_is_no_boundary() -> None:
    packets, told = _read(packet(0, _FULL), 1 << 20)
    assert not packets.at_boundary()
    assert "end" not in told


def test_packets_are_passed_over_and_then_told_of(cut: int) -> None:
    data = numbered(1, b"\1", b"\xfe" * 5, b"\0" * 300, b"handed on")
    packets, told = _read(data, cut, passing=3)
    assert told == ["passed", (b"handed on", 9)]
    assert packets.sequence == 4


def test_an_error_is_never_passed_over(cut: int) -> None:
    _, told = _read(numbered(1, b"\1", b"\xff\0", b"\2"), cut, passing=2)
    assert told[0] == (b"\xff\0", 2)


def test_rows_are_counted_and_never_looked_into(cut: int) -> None:
    rows = [b"\0", b"\xfb", b"\x05abcde", b"\3" + numbered(9, b"\xfe\0\0\2\0")[:3], b"x" * 700]
    packets, told = _read(numbered(1, *rows, b"\xfe\0\0\2\0"), cut, in_rows=True)
    assert packets.rows == len(rows)
    assert told == [(b"\xfe\0\0\2\0", 5)]
    assert packets.sequence == len(rows) + 1


_firsts = st.integers(0, 0xFD).map(lambda first: bytes((first,)))


@given(st.lists(st.builds(bytes.__add__, _firsts, st.binary(max_size=40)), max_size=30))
def test_whatever_rows_contain_they_end_where_their_headers_say(rows: list[bytes]) -> None:
    for cut in (1, 5, 1 << 30):
        packets, told = _read(numbered(0, *rows, b"\xfe"), cut, in_rows=True)
        assert packets.rows == len(rows)
        assert told == [(b"\xfe", 1)]


def test_a_row_that_fills_packets_is_one_row() -> None:
    for last in (b"", b"\1x", b"\xfe", b"\xff\0\0"):
        data = numbered(250, _FULL, _FULL, last, b"\1a", b"\xfe")
        packets, told = _read(data, 65_536, in_rows=True)
        assert packets.rows == 2
        assert told == [(b"\xfe", 1)]
        assert packets.sequence == 254


def test_numbers_begin_again_behind_255(cut: int) -> None:
    rows = [b"\1a"] * 300
    data = b"".join(packet((1 + i) & 0xFF, row) for i, row in enumerate(rows))
    packets, _ = _read(data, cut, in_rows=True)
    assert packets.sequence == 300 & 0xFF


def test_the_last_row_has_the_number_that_it_says(cut: int) -> None:
    packets, _ = _read(packet(9, b"\1row") + packet(4, b"\1row"), cut, in_rows=True)
    assert packets.sequence == 4


def test_what_only_counts_does_so_by_its_first_byte(cut: int) -> None:
    data = packet(1, b"\3def") + packet(2, b"\3" + b"x" * 300)
    packets, told = _read(data[: len(packet(1, b"\3def")) + 5], cut, passing=2)
    assert told == ["passed"]
    assert not packets.at_boundary()


class _Refusing(_Reader):
    def packet(self, body: bytes, size: int) -> bool:
        raise Refusal(Reason.MALFORMED, "no packet")


@pytest.mark.parametrize(
    ("data", "at_boundary"),
    [
        (packet(1, b"bad"), True),
        (packet(1, b"bad") + packet(2, b"more"), False),
        (packet(1, b"bad") + packet(2, b"half")[:-1], False),
        (packet(1, b"bad" * 100), False),
    ],
)
@pytest.mark.parametrize("before", [0, 3])
def test_behind_a_fault_there_is_a_boundary_if_nothing_is_left_unread(
    data: bytes, at_boundary: bool, before: int
) -> None:
    packets = Packets(_Refusing(), _KEPT)
    packets.feed(memoryview(data[:before]))
    with pytest.raises(Refusal, match="no packet"):
        packets.feed(memoryview(data[before:]))
    assert packets.at_boundary() == at_boundary
