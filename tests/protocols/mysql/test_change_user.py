"""COM_CHANGE_USER: upstream is asked to reset the session, and the client sees a server's part."""

import struct

import pytest

from protocols.errors import ClientProtocolError, ServerProtocolError
from protocols.mysql.capabilities import Capability
from protocols.mysql.change_user import ChangeUser
from protocols.mysql.login import MysqlOptions
from tests.protocols.mysql.conversation import (
    OK,
    PING,
    PLAIN,
    SCRAMBLE,
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
from tests.protocols.mysql.server import NATIVE, SHA2, packet, packets, switch

_RESET = command(b"\x1f")
_RESET_DONE = done(status=0x4002)
_IN_OTHER_DATABASE = b"\0\0\0\2\x40\0\0\0\x08\1\6\5other"


def _switched(gated: Gated, data: bytes) -> str:
    """Send this command; returns the plugin that the client is asked for."""
    assert gated.to_upstream(data) == _RESET
    ((number, asked),) = packets(gated.to_client(answer(_RESET_DONE)))
    assert number == 1
    plugin, _, scramble = asked[1:].partition(b"\0")
    assert asked == switch(plugin.decode(), scramble)
    assert scramble == SCRAMBLE + b"\0", "as it was at the login"
    return plugin.decode()


def test_it_becomes_a_reset_with_the_role_s_database_and_the_client_sset_charset(cut: int) -> None:
    gated = Gated(cut)
    assert _switched(gated, change_user(charset=255)) == NATIVE
    assert gated.to_upstream(packet(2, b"p" * 20)) == set_charset(255) + init_db("app_db")
    assert gated.to_client(OK + answer(_IN_OTHER_DATABASE)) == packet(3, _IN_OTHER_DATABASE)
    assert [(told.command, told.detail, told.error_code) for told in gated.commands] == [
        ("COM_CHANGE_USER", "bob", None)
    ]
    assert gated.to_upstream(query("SELECT 1")) == query("SELECT 1")
    selected = result([row(b"1")])
    assert gated.to_client(selected) == selected
    assert [event.statement for event in gated.events] == ["SELECT 1"]


def test_a_database_that_the_role_lists_is_chosen(cut: int) -> None:
    gated = Gated(cut, options=MysqlOptions(databases=("other",)))
    _switched(gated, change_user(database="other"))
    assert gated.to_upstream(packet(2, b"")) == set_charset() + init_db("other")


def test_a_database_that_the_role_does_not_list_is_refused(cut: int) -> None:
    gated = Gated(cut)
    said = gated.to_upstream(change_user(database="other"))
    assert said.startswith(packet(0, said[4:]))
    assert b"SIGNAL SQLSTATE '42000' SET MYSQL_ERRNO = 1049" in said
    refused = answer(failed(1049))
    assert gated.to_client(refused) == refused
    assert [told.error_code for told in gated.commands] == [1049]
    assert gated.to_upstream(command(PING)) == command(PING)


@pytest.mark.parametrize("answered", [b"", b"\0", b"p" * 32])
def test_the_newest_plugin_takes_its_fast_path(cut: int, answered: bytes) -> None:
    """libmysqlclient 8 and later sends nothing at first, and must be asked."""
    gated = Gated(cut)
    assert _switched(gated, change_user(plugin=SHA2)) == SHA2
    gated.to_upstream(packet(2, answered))
    before = (b"\1\3",) if len(answered) == 32 else ()
    assert gated.to_client(OK + OK) == numbered(3, *before, done())
    assert not gated.tap.busy


@pytest.mark.parametrize("plugin", ["", "mysql_clear_password", "client_ed25519", NATIVE])
def test_of_every_other_plugin_the_native_one_is_asked_for(cut: int, plugin: str) -> None:
    """Never one that would send us a password."""
    assert _switched(Gated(cut), change_user(plugin=plugin)) == NATIVE


def test_a_client_without_plugins_is_answered_at_once(cut: int) -> None:
    gated = Gated(cut, Capability.PROTOCOL_41)
    expected = _RESET + set_charset() + init_db("app_db")
    assert gated.to_upstream(change_user(plugin="")) == expected
    assert gated.to_client(answer(_RESET_DONE) + OK) == b""
    assert gated.to_client(answer(_IN_OTHER_DATABASE)) == answer(_IN_OTHER_DATABASE)
    assert not gated.tap.busy


def test_without_a_charset_the_session_s_own_is_set_again(cut: int) -> None:
    gated = Gated(cut, charset=33)
    _switched(gated, command(b"\x11bob\0\0\0"))
    assert gated.to_upstream(packet(2, b"")) == set_charset(33) + init_db("app_db")


def test_a_charset_that_upstream_does_not_know_stays_as_it_is(cut: int) -> None:
    gated = Gated(cut)
    _switched(gated, change_user(charset=309))
    gated.to_upstream(packet(2, b""))
    assert gated.to_client(answer(failed(1115)) + answer(done(1))) == packet(3, done(1))


@pytest.mark.parametrize("answered", [done(1), failed(1115)])
def test_without_a_database_the_client_is_told_of_the_reset(cut: int, answered: bytes) -> None:
    gated = Gated(cut, database=None)
    _switched(gated, change_user())
    assert gated.to_upstream(packet(2, b"")) == set_charset()
    assert gated.to_client(answer(answered)) == packet(3, _RESET_DONE)


def test_a_database_that_upstream_does_not_know_is_an_error(cut: int) -> None:
    gated = Gated(cut)
    _switched(gated, change_user(plugin=SHA2))
    gated.to_upstream(packet(2, b"p" * 32))
    assert gated.to_client(OK + answer(failed(1049))) == numbered(3, b"\1\3", failed(1049))
    assert gated.commands[0].error_code == 1049


def test_an_upstream_that_cannot_reset_says_so(cut: int) -> None:
    gated = Gated(cut)
    gated.to_upstream(change_user())
    unknown = answer(failed(1047, "08S01"))
    assert gated.to_client(unknown) == unknown
    assert gated.commands[0].error_code == 1047
    assert gated.to_upstream(command(PING)) == command(PING)


def test_two_changes_in_turn(cut: int) -> None:
    gated = Gated(cut)
    for _ in range(2):
        _switched(gated, change_user())
        gated.to_upstream(packet(2, b""))
        assert gated.to_client(OK + OK) == packet(3, done())
    assert [told.finished for told in gated.commands] == [True, True]


def test_it_may_not_be_sent_ahead_of_answers(cut: int) -> None:
    gated = Gated(cut)
    with pytest.raises(ClientProtocolError, match="did not wait"):
        gated.to_upstream(query("SELECT 1") + change_user())


def test_nothing_may_be_sent_ahead_of_its_answer(cut: int) -> None:
    with pytest.raises(ClientProtocolError, match="did not wait"):
        Gated(cut).to_upstream(change_user() + query("SELECT 1"))


def test_a_command_is_no_proof(cut: int) -> None:
    gated = Gated(cut)
    _switched(gated, change_user())
    with pytest.raises(ClientProtocolError, match="packet 0 came where 2 is due"):
        gated.to_upstream(query("SELECT 1"))


def test_behind_it_what_upstream_says_passes(cut: int) -> None:
    gated = Gated(cut)
    _switched(gated, change_user())
    gated.to_upstream(packet(2, b""))
    gone = packet(0, failed(1927))
    assert gated.to_client(OK + OK + gone) == packet(3, done()) + gone


def test_an_upstream_that_does_not_answer_by_packets_ends_the_session(cut: int) -> None:
    gated = Gated(cut)
    gated.to_upstream(change_user())
    with pytest.raises(ServerProtocolError):
        gated.to_client(packet(7, done()))


@pytest.mark.parametrize("asked", [switch("mysql_clear_password"), b"\1more", b"\xfe", b"\2?"])
def test_upstream_may_ask_the_client_for_nothing(cut: int, asked: bytes) -> None:
    """It was asked to reset the session, not to let somebody in."""
    gated = Gated(cut)
    gated.to_upstream(change_user())
    with pytest.raises(ServerProtocolError, match="by more than it was asked"):
        gated.to_client(answer(asked))


def test_nor_may_it_behind_the_proof(cut: int) -> None:
    gated = Gated(cut)
    _switched(gated, change_user())
    gated.to_upstream(packet(2, b""))
    with pytest.raises(ServerProtocolError, match="by more than it was asked"):
        gated.to_client(OK + answer(switch("mysql_clear_password")))


@pytest.mark.parametrize("payload", [b"\x11", b"\x11bob", b"\x11bob\0", b"\x11bob\0\x14abc"])
def test_one_that_cannot_be_read_ends_the_session(cut: int, payload: bytes) -> None:
    with pytest.raises(ClientProtocolError, match="COM_CHANGE_USER is malformed"):
        Gated(cut).to_upstream(command(payload))


def test_it_is_decoded_by_what_was_agreed() -> None:
    said = change_user("bob", "shop", answer=b"p" * 20, charset=255)[4:] + b"\x04\1a\1b"
    assert ChangeUser.decode(said, PLAIN) == ChangeUser("bob", "shop", 255, NATIVE)
    assert ChangeUser.decode(said, Capability.PROTOCOL_41) == ChangeUser("bob", "shop", 255, "")
    old = b"\x11bob\0\0shop"
    assert ChangeUser.decode(old, PLAIN) == ChangeUser("bob", "shop", None, "")
    assert struct.pack("<H", 255) in said
