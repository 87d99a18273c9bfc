"""Who is at the other end of a socket, by the kernel's word."""

import getpass
import grp
import os
import pwd
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from proxy.config import Allow
from proxy.identity import Identity, identify, identify_listener, is_gone

_ME = getpass.getuser()
_MY_GROUP = grp.getgrgid(pwd.getpwnam(_ME).pw_gid).gr_name


@contextmanager
def _pair(host: str) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A client's socket and the accepted one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        client = socket.create_connection(listener.getsockname()[:2])
        accepted, _ = listener.accept()
        with client, accepted:
            yield client, accepted


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1"])
def test_a_loopback_peer_is_known_by_its_user(host: str) -> None:
    with _pair(host) as (client, accepted):
        port = client.getsockname()[1]
        assert identify(accepted).uid == os.geteuid()
        assert identify(accepted).user == _ME
        assert identify(accepted).address.endswith(f":{port}")
        client.shutdown(socket.SHUT_WR)
        assert identify(accepted).user == _ME


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_peer_that_is_gone_is_nobody(host: str) -> None:
    """Not root, whom the kernel names of a socket without an owner."""
    with _pair(host) as (client, accepted):
        client.close()
        found = identify(accepted)
        assert (found.uid, found.user) == (None, None)
        assert not found.may_use(Allow(users=("root", _ME)))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_listener_is_known_before_it_takes_a_connection(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with (
        socket.create_server((host, 0), family=family) as listener,
        socket.create_connection(listener.getsockname()[:2]) as client,
    ):
        assert identify(client).uid is None
        assert identify_listener(client).uid == os.geteuid()
        assert identify_listener(client).address.endswith(f":{client.getpeername()[1]}")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_peer_is_gone_once_it_has_closed_and_not_when_it_has_only_ended(host: str) -> None:
    with _pair(host) as (client, accepted):
        assert not is_gone(accepted)
        client.shutdown(socket.SHUT_WR)
        assert not is_gone(accepted)
        client.close()
        assert is_gone(accepted)


def test_a_unix_peer_is_gone_once_it_has_closed_and_not_when_it_has_only_ended() -> None:
    client, accepted = socket.socketpair()
    with client, accepted:
        assert not is_gone(accepted)
        client.shutdown(socket.SHUT_WR)
        assert not is_gone(accepted)
        client.close()
        assert is_gone(accepted)


def test_a_peer_that_broke_off_is_gone() -> None:
    with _pair("127.0.0.1") as (client, accepted):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        assert is_gone(accepted)


def test_a_unix_peer_is_known_by_its_process_too(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(str(tmp_path / "socket"))
        listener.listen()
        client.connect(str(tmp_path / "socket"))
        accepted, _ = listener.accept()
        with accepted:
            assert identify(accepted) == Identity("unix", os.geteuid(), os.getpid())
            assert identify_listener(client) == identify(accepted)


def test_a_peer_from_elsewhere_has_an_address_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")  # where the kernel cannot be asked
    with _pair("127.0.0.1") as (client, accepted):
        assert identify(accepted) == Identity(f"127.0.0.1:{client.getsockname()[1]}")


def test_a_user_without_a_name_is_a_number() -> None:
    assert Identity("unix", 4_000_000_000).user == "4000000000"
    assert not Identity("unix", 4_000_000_000).may_use(Allow(groups=(_MY_GROUP,)))


@pytest.mark.parametrize(
    ("allow", "admitted"),
    [
        (Allow(), True),
        (Allow(users=(_ME,)), True),
        (Allow(users=("somebody", _ME)), True),
        (Allow(groups=(_MY_GROUP,)), True),
        (Allow(users=("somebody",), groups=(_MY_GROUP,)), True),
        (Allow(users=("somebody",)), False),
        (Allow(groups=("somebodies",)), False),
        (Allow(users=(_MY_GROUP + "x",), groups=(_ME + "x",)), False),
    ],
)
def test_who_may_use_a_role(allow: Allow, admitted: bool) -> None:
    assert Identity("unix", os.geteuid()).may_use(allow) == admitted
    assert Identity("192.0.2.1:5").may_use(allow) == (allow == Allow())
