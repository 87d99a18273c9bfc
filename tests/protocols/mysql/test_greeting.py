"""Upstream's first words, and what clients are shown of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.mysql.capabilities import Capability, from_wire
from protocols.mysql.greeting import Greeting
from tests.protocols.mysql.server import (
    LENENC,
    MARIADB,
    MARIADB_EXTENSION,
    MYSQL,
    NATIVE,
    PLUGIN_AUTH,
    SCRAMBLE,
    SECURE_CONNECTION,
    SHA2,
    THREAD_ID,
    greeting,
)

_MARIADB = greeting(
    "5.5.5-10.11.19-MariaDB", MARIADB, NATIVE, extension=MARIADB_EXTENSION, charset=45
)


def test_mysqls_is_read() -> None:
    read = Greeting.decode(greeting())
    assert read == Greeting("9.7.4", THREAD_ID, SCRAMBLE, Capability(MYSQL), 255, 2, SHA2)
    assert not read.is_mariadb


def test_mariadbs_is_read() -> None:
    read = Greeting.decode(_MARIADB)
    assert read.capabilities == from_wire(MARIADB, MARIADB_EXTENSION)
    assert read.is_mariadb
    assert (read.server_version, read.version) == (
        "5.5.5-10.11.19-MariaDB",
        "10.11.19-MariaDB",
    )


def test_a_mariadb_that_calls_itself_mysql_is_known_by_its_name() -> None:
    assert Greeting.decode(greeting("10.1.48-MariaDB", MYSQL & ~(1 << 24), NATIVE)).is_mariadb


@pytest.mark.parametrize("payload", [greeting(), _MARIADB, greeting(scramble=b"x" * 32)])
def test_it_is_written_as_it_was_read(payload: bytes) -> None:
    assert Greeting.decode(payload).encode() == payload


@given(
    st.text().filter(lambda name: "\0" not in name),
    st.integers(0, 2**32 - 1),
    st.integers(0, 255),
    st.integers(0, 65_535),
)
def test_whatever_is_in_it(version: str, thread_id: int, charset: int, status: int) -> None:
    payload = greeting(version, thread_id=thread_id, charset=charset, status=status)
    assert Greeting.decode(payload).encode() == payload


def test_clients_see_upstream_with_a_challenge_of_ours() -> None:
    shown = Greeting.decode(_MARIADB).for_clients(b"y" * 20, local_files=True)
    again = Greeting.decode(shown.encode())
    assert again == shown
    assert (again.server_version, again.thread_id) == ("5.5.5-10.11.19-MariaDB", THREAD_ID)
    assert (again.charset, again.status, again.plugin) == (45, 2, SHA2)
    assert again.scramble == b"y" * 20
    assert Capability.SSL in again.capabilities  # MARIADB is one without TLS


@pytest.mark.parametrize("flags", [MYSQL & ~PLUGIN_AUTH, MYSQL & ~PLUGIN_AUTH & ~LENENC])
def test_an_older_server_names_no_plugin(flags: int) -> None:
    payload = greeting("5.5.6", flags, "")[:-1]
    read = Greeting.decode(payload)
    assert (read.plugin, read.scramble) == ("", SCRAMBLE)


def test_a_plugins_name_may_lack_its_nul() -> None:
    assert Greeting.decode(greeting(plugin=NATIVE)[:-1]).plugin == NATIVE


def test_a_server_without_the_longer_challenge_is_read_for_what_it_is() -> None:
    payload = greeting("4.0.30", MYSQL & ~SECURE_CONNECTION & ~PLUGIN_AUTH)
    assert Greeting.decode(payload).scramble == SCRAMBLE[:8]


def test_what_ends_too_early_is_no_greeting() -> None:
    whole = greeting()
    for size in range(len(whole) - 1 - len(SHA2)):
        with pytest.raises(ValueError, match=r"too early|does not end"):
            Greeting.decode(whole[:size])


def test_another_protocol_version_is_none() -> None:
    with pytest.raises(ValueError, match="version 10"):
        Greeting.decode(b"\x09" + greeting()[1:])


def test_the_challenge_is_not_in_its_repr() -> None:
    assert "abcdefgh" not in repr(Greeting.decode(greeting()))
