"""What passes the gate as it is, and what upstream is told instead of a command it may not get."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import ClientProtocolError, Reason
from protocols.mysql.capabilities import Capability
from protocols.mysql.login import MysqlOptions
from protocols.mysql.packets import MAX_PAYLOAD
from tests.protocols.mysql.conversation import (
    OK,
    PLAIN,
    QUIT,
    Gated,
    answer,
    close_statement,
    command,
    execute,
    failed,
    fetch,
    long_data,
    numbered,
    prepare,
    query,
    result,
    row,
)
from tests.protocols.mysql.server import packet

_HARMLESS = [
    query("SELECT 1"),
    prepare("SELECT 1"),
    execute(1),
    long_data(1, 0, b"\x11" * 100),
    close_statement(1),
    fetch(1, 5),
    command(QUIT),
    *(command(bytes((code,))) for code in (0x02, 0x09, 0x0A, 0x0D, 0x0E, 0x1F)),
    *(
        command(bytes((code,)) + b"1234")
        for code in (0x04, 0x05, 0x06, 0x07, 0x08, 0x0C, 0x1A, 0x1B)
    ),
    command(b"\xfa\1\0\0\0\0\0"),
]
_REPLICATION = [b"\x12\4\0\0\0", b"\x13\2db\1t", b"\x15\1\0\0\0", b"\x1e\0\0", b"\xef\0"]
_OTHERS = [b"", b"\x00", b"\x0b", b"\x0f", b"\x10", b"\x14", b"\x1d", b"\x20", b"\x21"]
_OTHERS += [b"\x7f", b"\xfb", b"\xfc", b"\xfd", b"\xfe\x03DROP", b"\xff"]


def _signal(code: int, sqlstate: str, message: str) -> bytes:
    said = f"SIGNAL SQLSTATE '{sqlstate}' SET MYSQL_ERRNO = {code}, MESSAGE_TEXT = X'"
    return said.encode() + message.encode().hex().encode() + b"'"


def test_one_whole_harmless_command_passes_as_the_very_chunk() -> None:
    gated = Gated()
    for data in _HARMLESS:
        chunk = memoryview(data)
        gated.tap.client_sent(chunk)
        assert gated.gate.client_sent(chunk) is chunk


def test_what_upstream_says_passes_as_the_very_chunk() -> None:
    gated = Gated()
    gated.to_upstream(query("SELECT 1"))
    chunk = memoryview(result([row(b"1")]))
    assert gated.gate.upstream_sent(chunk) is chunk


def test_harmless_commands_pass_however_they_are_cut(cut: int) -> None:
    data = b"".join(_HARMLESS)
    assert Gated(cut).to_upstream(data) == data


@settings(max_examples=30)
@given(st.data())
def test_it_is_all_one_how_they_are_cut(data: st.DataObject) -> None:
    stream = data.draw(st.lists(st.sampled_from(_HARMLESS), max_size=8).map(b"".join))
    gated, passed = Gated(), bytearray()
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        passed += gated.to_upstream(stream[:size])
        expected, stream = stream[:size], stream[size:]
        assert len(passed) >= len(expected) - 4 or not stream
    assert gated.gate.client_sent(memoryview(b"")) == b""


@pytest.mark.parametrize("payload", _REPLICATION)
def test_replication_is_refused_unless_the_role_allows_it(cut: int, payload: bytes) -> None:
    gated = Gated(cut)
    said = gated.to_upstream(query("a") + command(payload) + query("b"))
    assert said.startswith(query("a"))
    assert said.endswith(query("b"))
    signal = said[len(query("a")) : -len(query("b"))]
    assert signal == command(signal[4:])
    message = bytes.fromhex(signal.decode("latin-1").split("X'")[1][:-1]).decode()
    assert message.startswith('role "app" does not allow replication (COM_')
    assert signal[4:] == b"\x03" + _signal(1227, "42000", message)
    allowed = Gated(cut, options=MysqlOptions(replication=True))
    assert allowed.to_upstream(command(payload)) == command(payload)


@pytest.mark.parametrize("payload", _OTHERS)
@pytest.mark.parametrize("options", [MysqlOptions(), MysqlOptions(replication=True)])
def test_what_cannot_be_audited_is_refused_in_every_role(
    cut: int, payload: bytes, options: MysqlOptions
) -> None:
    gated = Gated(cut, options=options)
    said = gated.to_upstream(command(payload))
    assert b"MYSQL_ERRNO = 1227" in said
    assert b"DROP" not in said
    error = answer(failed(1227))
    assert gated.to_client(error) == error
    gated.to_upstream(query("SELECT 1"))
    gated.to_client(OK)
    assert [told.error_code for told in gated.commands] == [1227]
    assert [told.statement for told in gated.events] == ["SELECT 1"]


def test_the_sentence_for_upstream_is_no_sql_and_not_too_long() -> None:
    gated = Gated()
    said = gated.to_upstream(command(b"\x11bob\0\0" + b"x'; DROP TABLE t; --" * 20 + b"\0"))
    assert b"DROP" not in said
    message = bytes.fromhex(said.decode("latin-1").split("X'")[1][:-1]).decode()
    assert message.startswith('role "app" does not offer database "x\'; DROP')
    assert len(message) == 128


def test_our_statement_has_attributes_where_the_session_has_them(cut: int) -> None:
    gated = Gated(cut, PLAIN | Capability.QUERY_ATTRIBUTES)
    assert gated.to_upstream(command(b"\x12"))[4:].startswith(b"\x03\0\1SIGNAL ")


def test_a_command_that_is_decided_on_is_held_until_it_is_whole() -> None:
    gated = Gated(1)
    data = command(b"\x12" + bytes(100))
    assert gated.to_upstream(data[:-1]) == b""
    assert gated.to_upstream(data[-1:])[4:].startswith(b"\x03SIGNAL ")


def test_a_command_that_is_decided_on_may_not_be_long() -> None:
    for size in ((1 << 17) + 1, MAX_PAYLOAD):
        with pytest.raises(ClientProtocolError, match="longer than it may be") as caught:
            Gated(1 << 16).to_upstream(command(b"\x12" + bytes(size - 1)))
        assert caught.value.reason is Reason.OVERSIZED


def test_what_goes_on_in_the_next_packet_is_no_command() -> None:
    """proxysql#1350."""
    data = numbered(0, b"\x03" + bytes(MAX_PAYLOAD - 1), b"\x12" * MAX_PAYLOAD, b"\x11")
    for cut in (65_536, 1 << 30):
        gated = Gated(cut)
        assert gated.to_upstream(data + query("SELECT 1")) == data + query("SELECT 1")
        assert b"SIGNAL" in gated.to_upstream(command(b"\x12"))


def test_it_goes_on_too_where_a_chunk_is_just_the_first_packet() -> None:
    gated = Gated()
    for data in (
        packet(0, b"\x03" + bytes(MAX_PAYLOAD - 1)),
        packet(1, b"\x12"),
        query("SELECT 1"),
    ):
        assert gated.to_upstream(data) == data


def test_the_middle_of_a_packet_may_look_like_a_whole_command() -> None:
    gated = Gated()
    inside = query("SELECT 1")
    whole = query(b"x" * 20 + inside + b"x" * 20)
    for data in (whole[:25], inside, whole[25 + len(inside) :]):
        assert gated.to_upstream(data) == data
    assert b"SIGNAL" in gated.to_upstream(command(b"\x12"))


def test_what_goes_on_may_look_like_a_whole_command() -> None:
    gated = Gated()
    for data in (packet(0, b"\x03" + bytes(MAX_PAYLOAD - 1)), packet(1, b"\x03SELECT 1")):
        assert gated.to_upstream(data) == data
    assert b"SIGNAL" in gated.to_upstream(command(b"\x12"))


def test_a_files_contents_are_no_commands(cut: int) -> None:
    gated = Gated(cut)
    gated.to_upstream(query("LOAD DATA LOCAL INFILE 'f' INTO TABLE t"))
    request = answer(b"\xfbf")
    assert gated.to_client(request) == request
    file = numbered(2, b"\x11bob", b"\x12" * 300, b"\x00", b"")
    assert gated.to_upstream(file) == file
    gated.to_client(packet(6, b"\0\0\0\2\0\0\0"))
    assert b"SIGNAL" in gated.to_upstream(command(b"\x12"))


def test_a_file_whose_numbers_begin_again_is_no_command() -> None:
    gated = Gated(1_000)
    gated.to_upstream(query("LOAD DATA LOCAL INFILE 'f' INTO TABLE t"))
    gated.to_client(answer(b"\xfbf"))
    file = b"".join(packet((2 + i) & 0xFF, b"\x12" * 90) for i in range(600))
    assert gated.to_upstream(file) == file
    end = packet(602 & 0xFF, b"")
    said = gated.to_upstream(end + command(b"\x12"))
    assert said.startswith(end)
    assert b"SIGNAL" in said
