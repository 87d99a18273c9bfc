"""How a session ends: last words that the client can read, and what was never answered."""

import pytest

from protocols.errors import Reason, Refusal
from protocols.mysql.capabilities import Capability
from tests.protocols.mysql.conversation import (
    OK,
    PING,
    PLAIN,
    QUIT,
    Watched,
    answer,
    change_user,
    column,
    command,
    end,
    execute,
    failed,
    numbered,
    prepare,
    query,
    ran,
    result,
    row,
)
from tests.protocols.mysql.server import error, packet, packets

_SHUT = Refusal(Reason.SHUTTING_DOWN, "the proxy is shutting down")
_SAID = error(1053, "the proxy is shutting down", "08S01")
_RESULT = result([row(b"1")] * 3)


def test_a_client_that_waits_for_nothing_reads_it_as_the_next_answer(cut: int) -> None:
    watched = Watched(cut)
    assert watched.tap.last_words(_SHUT) == packet(1, _SAID)
    watched.client(query("SELECT 1"))
    watched.upstream(_RESULT)
    assert watched.tap.last_words(_SHUT) == packet(1, _SAID)


def test_the_number_goes_on_from_where_the_answer_is(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query("SELECT 1") + query("SELECT 2"))
    assert watched.tap.last_words(_SHUT) == packet(1, _SAID)
    for number, payload in packets(_RESULT)[:-1]:
        watched.upstream(packet(number, payload))
        assert watched.tap.last_words(_SHUT) == packet(number + 1, _SAID)
    watched.upstream(packet(*packets(_RESULT)[-1]))
    assert watched.tap.last_words(_SHUT) == packet(1, _SAID)


def test_the_number_goes_on_from_a_report_of_progress(cut: int) -> None:
    watched = Watched(cut, PLAIN | Capability.PROGRESS)
    watched.client(query("ALTER TABLE t"))
    watched.upstream(answer(b"\xff\xff\xff\1\2\2\0\0\0\0"))
    assert watched.tap.last_words(_SHUT) == packet(2, _SAID)


def test_the_number_goes_on_from_where_the_command_is() -> None:
    watched = Watched(1 << 20)
    watched.client(numbered(0, b"\x03" + b"x" * ((1 << 24) - 2), b"rest"))
    assert watched.tap.last_words(_SHUT) == packet(2, _SAID)


def test_the_number_goes_on_from_where_a_file_is(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query("LOAD DATA LOCAL INFILE 'f' INTO TABLE t"))
    watched.upstream(answer(b"\xfbf"))
    assert watched.tap.last_words(_SHUT) == packet(2, _SAID)
    watched.client(packet(2, b"x" * 70))
    assert watched.tap.last_words(_SHUT) == packet(3, _SAID)
    watched.client(packet(3, b""))
    assert watched.tap.last_words(_SHUT) == packet(4, _SAID)


def test_the_number_goes_on_from_where_a_proof_is(cut: int) -> None:
    watched = Watched(cut)
    watched.client(change_user())
    watched.upstream(answer(b"\xfemysql_native_password\0" + bytes(21)))
    watched.client(packet(2, b"p" * 20))
    assert watched.tap.last_words(_SHUT) == packet(3, _SAID)


def test_numbers_begin_again_behind_255(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query("SELECT 1"))
    watched.upstream(numbered(1, b"\1", column(), end(False), *[row(b"1")] * 253))
    assert watched.tap.last_words(_SHUT) == packet(1, _SAID)


def test_nothing_is_said_in_the_middle_of_a_packet(cut: int) -> None:
    for size in range(1, len(_RESULT)):
        watched = Watched(cut)
        watched.client(query("SELECT 1"))
        watched.upstream(_RESULT[:size])
        at_boundary = any(_RESULT[:size] == whole for whole in _beginnings(_RESULT))
        assert bool(watched.tap.last_words(_SHUT)) == at_boundary


def _beginnings(data: bytes) -> list[bytes]:
    whole = [packet(number, payload) for number, payload in packets(data)]
    return [b"".join(whole[:count]) for count in range(1, len(whole) + 1)]


def test_nothing_is_said_behind_goodbye(cut: int) -> None:
    watched = Watched(cut)
    watched.client(command(QUIT))
    assert watched.tap.last_words(_SHUT) == b""
    watched = Watched(cut)
    watched.upstream(packet(0, error(4031, "inactivity", "HY000")))
    assert watched.tap.last_words(_SHUT) == b""
    assert not watched.tap.busy


def test_an_error_that_answers_something_is_no_goodbye(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query("KILL QUERY 7"))
    watched.upstream(answer(failed(1053, "08S01")))
    assert watched.tap.last_words(_SHUT) == packet(1, _SAID)


@pytest.mark.parametrize("capability", [Capability.COMPRESS, Capability.ZSTD_COMPRESSION_ALGORITHM])
def test_last_words_are_in_a_frame_where_packets_are(cut: int, capability: Capability) -> None:
    watched = Watched(cut, PLAIN | capability)

    def frame(number: int, payload: bytes) -> bytes:
        return len(payload).to_bytes(3, "little") + bytes((number, 0, 0, 0)) + payload

    assert watched.tap.last_words(_SHUT) == frame(1, packet(1, _SAID))
    watched.client(frame(0, query("SELECT 1")))
    watched.upstream(frame(1, numbered(1, b"\1", column())))
    assert watched.tap.last_words(_SHUT) == frame(2, packet(2, _SAID))
    watched.upstream(frame(2, packet(3, end(False)))[:-1])
    assert watched.tap.last_words(_SHUT) == b""


# -- what is unfinished ---------------------------------------------------------------------------


def test_what_never_ended_is_told_as_unfinished(cut: int) -> None:
    watched = Watched(cut)
    watched.client(query("a") + prepare("b") + command(PING) + command(b"\x02shop") + execute(7))
    watched.client(query("c")[:-1])
    watched.now = 1.5
    watched.tap.close()
    assert [(event.statement, event.command, event.finished) for event in watched.events] == [
        ("a", "COM_QUERY", False),
        ("b", "COM_STMT_PREPARE", False),
        ("", "COM_STMT_EXECUTE", False),
    ]
    assert [(told.command, told.detail, told.finished) for told in watched.commands] == [
        ("COM_INIT_DB", "shop", False)
    ]
    assert watched.events[0].duration_ms == 1500
    assert not watched.tap.busy


def test_a_long_statement_that_never_ended_is_told_as_far_as_it_came() -> None:
    watched = Watched(10_000)
    watched.client(query("x" * 300_000)[:-50_000])
    watched.tap.close()
    assert watched.told == [
        ran("x" * 65_536, statement_bytes=250_000, finished=False),
    ]


# -- how far ahead --------------------------------------------------------------------------------


def test_a_client_far_ahead_of_its_answers_is_held_back_until_half_are_there() -> None:
    watched = Watched()
    watched.client(command(PING) * 9_999)
    assert not watched.tap.full
    watched.client(command(PING))
    assert watched.tap.full
    watched.upstream(OK * 5_000)
    assert watched.tap.full
    watched.upstream(OK)
    assert not watched.tap.full
    watched.client(command(PING) * 5_000)
    assert not watched.tap.full


def test_it_is_busy_until_the_answer_is_there(cut: int) -> None:
    watched = Watched(cut)
    assert not watched.tap.busy
    watched.client(query("SELECT 1"))
    watched.upstream(_RESULT[:-1])
    assert watched.tap.busy
    watched.upstream(_RESULT[-1:])
    assert not watched.tap.busy


def test_it_is_quiet_while_only_the_last_command_is_unanswered(cut: int) -> None:
    watched = Watched(cut)
    assert not watched.tap.quiet
    watched.client(query("a"))
    assert watched.tap.quiet
    watched.client(query("b"))
    assert not watched.tap.quiet
    watched.upstream(OK + OK[:3])
    assert not watched.tap.quiet
