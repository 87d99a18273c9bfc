"""LOAD DATA LOCAL: the client sends a file it has named, and never another."""

import pytest

from protocols.errors import ClientProtocolError, ServerProtocolError
from protocols.mysql.capabilities import Capability
from protocols.mysql.commands import Command
from protocols.mysql.packets import MAX_PAYLOAD
from tests.protocols.mysql.conversation import (
    MORE,
    OK,
    PLAIN,
    Gated,
    Watched,
    answer,
    done,
    failed,
    numbered,
    query,
    ran,
    result,
    row,
)
from tests.protocols.mysql.server import packet

_LOAD = "LOAD DATA LOCAL INFILE 'a.csv' INTO TABLE t"


def _request(name: bytes = b"a.csv", number: int = 1) -> bytes:
    return packet(number, b"\xfb" + name)


def test_a_file_is_part_of_its_statement(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query(_LOAD))
    watched.upstream(_request())
    watched.client(numbered(2, b"\x03DROP TABLE t", b"\x01" + b"x" * 700, b""))
    watched.upstream(packet(5, done(2, warnings=1)))
    watched.client(query("SELECT 1"))
    watched.upstream(result([row(b"1")]))
    assert watched.told == [
        ran(_LOAD, affected_rows=2, warnings=1, loaded_bytes=714),
        ran("SELECT 1", rows=1),
    ]


def test_an_empty_file_is_one_too(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query(_LOAD))
    watched.upstream(_request())
    watched.client(packet(2, b"") + query("SELECT 1"))
    watched.upstream(packet(3, failed(1148)) + OK)
    assert [(e.loaded_bytes, e.error_code) for e in watched.events] == [(0, 1148), (0, None)]


def test_a_file_of_many_packets_begins_its_numbers_again() -> None:
    watched = Watched(60_000)
    watched.client(query(_LOAD))
    watched.upstream(_request())
    pieces = [b"\x11" + b"x" * 99] * 1_000
    watched.client(b"".join(packet((2 + i) & 0xFF, piece) for i, piece in enumerate(pieces)))
    watched.client(packet(1_002 & 0xFF, b""))
    watched.upstream(packet(1_003 & 0xFF, done(1)))
    watched.client(query("SELECT 1"))
    watched.upstream(OK)
    assert watched.told == [ran(_LOAD, affected_rows=1, loaded_bytes=100_000), ran("SELECT 1")]


def test_a_full_packet_of_a_file_is_followed_by_its_end_and_then_the_files() -> None:
    watched = Watched(1 << 20)
    watched.client(query(_LOAD))
    watched.upstream(_request())
    watched.client(numbered(2, b"x" * MAX_PAYLOAD, b"", b"y", b""))
    watched.upstream(packet(6, done()))
    watched.client(query("SELECT 1"))
    watched.upstream(OK)
    assert watched.told == [ran(_LOAD, loaded_bytes=MAX_PAYLOAD + 1), ran("SELECT 1")]


def test_of_several_statements_each_may_load_a_file(cut: int) -> None:
    both = f"{_LOAD}; LOAD XML LOCAL INFILE 'b.xml' INTO TABLE t"
    watched = Watched(cut)
    watched.client(query(both))
    watched.upstream(_request())
    watched.client(packet(2, b"one") + packet(3, b""))
    watched.upstream(packet(4, done(1, status=2 | MORE)) + _request(b"b.xml", 5))
    watched.client(packet(6, b"second") + packet(7, b""))
    watched.upstream(packet(8, done(2)))
    assert watched.told == [ran(both, affected_rows=3, loaded_bytes=9)]
    assert watched.tap.files == 2


def test_an_error_may_come_before_the_file_has_ended(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query(_LOAD))
    watched.upstream(_request())
    watched.client(packet(2, b"x" * 10))
    watched.upstream(packet(3, failed(1262)))
    watched.client(packet(3, b"x" * 10) + packet(4, b"") + query("SELECT 1"))
    watched.upstream(OK)
    assert [event.error_code for event in watched.events] == [1262, None]


@pytest.mark.parametrize("statement", ["SELECT 1", "LOAD DATA INFILE 'a.csv' INTO TABLE t", _LOAD])
@pytest.mark.parametrize("name", [b"/etc/passwd", b"", b"a", b"a.csv" * 1_000])
def test_a_file_that_no_statement_names_ends_the_session(
    cut: int, statement: str, name: bytes
) -> None:
    watched = Watched(cut)
    watched.client(query(statement))
    with pytest.raises(ServerProtocolError, match="asked for a file"):
        watched.upstream(_request(name))


def test_a_name_is_compared_as_a_whole(cut: int) -> None:
    name = "a" * 512
    watched = Watched(cut)
    watched.client(query(f"LOAD DATA LOCAL INFILE '{name}' INTO TABLE t"))
    with pytest.raises(ServerProtocolError, match="asked for a file"):
        watched.upstream(_request(name.encode() + b"b"))
    watched = Watched(cut)
    watched.client(query(f"LOAD DATA LOCAL INFILE '{name}' INTO TABLE t"))
    watched.upstream(_request(name.encode()))
    assert watched.tap.files == 1


def test_a_file_may_not_be_asked_for_behind_a_result(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query("SELECT 1; SELECT 2"))
    with pytest.raises(ServerProtocolError, match="asked for a file"):
        watched.upstream(result([row(b"1")], status=2 | MORE) + _request(b"/etc/passwd", 6))


def test_a_file_that_nobody_asked_for_goes_nowhere(cut: int) -> None:
    """A client that was led to believe that upstream had asked is stopped here."""
    watched = Watched(cut)
    watched.client(query("SELECT 1"))
    watched.upstream(answer(b"\1"))
    with pytest.raises(ClientProtocolError, match="nobody asked"):
        watched.client(packet(2, b"root:x:0:0"))


@pytest.mark.parametrize("kind", [bytes, memoryview])
def test_before_what_may_ask_for_a_file_is_shown_nothing_passes(kind: type) -> None:
    """Upstream's bytes may wait, for the gate looks out for such a request."""
    gated = Gated(capabilities=PLAIN | Capability.LOCAL_FILES)
    assert gated.tap.upstream_may_wait
    command = packet(0, bytes((Command.PING,)))
    gated.to_upstream(query("SELECT 1"))
    request = kind(_request(number=255))
    assert gated.gate.upstream_sent(request) is request
    assert not gated.tap.may_wait(command)
    with pytest.raises(ServerProtocolError, match="asked for a file"):
        gated.tap.upstream_sent(request)


def test_the_end_of_a_request_for_a_file_is_shown_before_anything_passes() -> None:
    """A client that sends ahead has had the request's beginning shown, which the gate saw."""
    gated = Gated(capabilities=PLAIN | Capability.LOCAL_FILES)
    command = packet(0, bytes((Command.PING,)))
    gated.to_upstream(query("SELECT 1"))
    request = _request(number=255)
    beginning, end = request[:5], request[5:]
    gated.gate.upstream_sent(beginning)
    assert not gated.tap.may_wait(command)
    gated.tap.upstream_sent(beginning)
    gated.tap.client_sent(command)
    gated.gate.upstream_sent(end)
    assert not gated.tap.may_wait(command)
    with pytest.raises(ServerProtocolError, match="asked for a file"):
        gated.tap.upstream_sent(end)


def test_what_cannot_ask_for_a_file_holds_nothing_up() -> None:
    gated = Gated(capabilities=PLAIN | Capability.LOCAL_FILES)
    gated.to_upstream(query("SELECT 1"))
    gated.gate.upstream_sent(result([row(b"1")]))
    assert gated.tap.may_wait(packet(0, bytes((Command.PING,))))


@pytest.mark.parametrize("capability", [Capability.COMPRESS, Capability.ZSTD_COMPRESSION_ALGORITHM])
def test_a_request_for_a_file_may_hide_in_what_is_compressed(capability: Capability) -> None:
    gated = Gated(capabilities=PLAIN | Capability.LOCAL_FILES | capability)
    assert not gated.tap.upstream_may_wait


def test_a_file_is_taken_for_one_whatever_its_number() -> None:
    """Upstream chooses it by its own request's; 0 is a command's."""
    watched = Watched(capabilities=PLAIN | Capability.LOCAL_FILES)
    command = packet(0, bytes((Command.PING,)))
    assert not watched.tap.upstream_may_wait
    assert Watched().tap.upstream_may_wait
    watched.client(query(_LOAD))
    assert watched.tap.may_wait(command)
    watched.upstream(_request(number=255))
    assert not watched.tap.may_wait(command)
