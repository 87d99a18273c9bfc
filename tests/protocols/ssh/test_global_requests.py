"""Requests that belong to no channel, and their answers in order."""

import pytest

from protocols.errors import ClientProtocolError, ServerProtocolError
from protocols.ssh.events import SshDenied
from protocols.ssh.messages import REQUEST_FAILURE, Message
from tests.protocols.ssh.connection import Connection, global_request

_GRANTED = bytes((Message.REQUEST_SUCCESS,))


@pytest.mark.parametrize(
    "name", [b"keepalive@openssh.com", b"keepalive@lag.net", b"no-more-sessions@openssh.com"]
)
def test_what_does_no_harm_passes(name: bytes) -> None:
    connection = Connection()
    asked = global_request(name)
    connection.client(asked, global_request(name, want_reply=False))
    connection.upstream(REQUEST_FAILURE)
    assert connection.taken() == (
        [REQUEST_FAILURE],
        [asked, global_request(name, want_reply=False)],
    )


def test_what_nobody_knows_is_refused_in_its_turn() -> None:
    connection = Connection()
    first, unknown = global_request(b"keepalive@openssh.com"), global_request(b"x@example.com")
    connection.client(first, unknown, first, global_request(b"y@example.com", want_reply=False))
    assert connection.taken() == ([], [first, first])
    connection.upstream(_GRANTED, _GRANTED)
    assert connection.taken() == ([_GRANTED, REQUEST_FAILURE, _GRANTED], [])
    assert [event.request for event in connection.told(SshDenied)] == [
        "x@example.com",
        "y@example.com",
    ]


def test_upstreams_own_host_keys_do_not_reach_the_client() -> None:
    connection = Connection()
    name = b"hostkeys-00@openssh.com"
    connection.upstream(global_request(name, b"keys", want_reply=False))
    assert connection.taken() == ([], [])
    ask = global_request(b"keepalive@openssh.com")
    connection.upstream(ask, global_request(name, b"keys"))
    assert connection.taken() == ([ask], [])
    connection.client(_GRANTED)
    assert connection.taken() == ([], [_GRANTED, REQUEST_FAILURE])


def test_an_answer_that_nobody_asked_for_ends_the_session() -> None:
    with pytest.raises(ClientProtocolError, match="answers no request"):
        Connection().client(_GRANTED)
    with pytest.raises(ServerProtocolError):
        Connection().upstream(REQUEST_FAILURE)
