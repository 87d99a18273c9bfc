"""The probe sees what a client would, and psql is pointed where the listener is."""

import pytest

from protocols.api import TcpEndpoint, UnixEndpoint
from protocols.errors import ServerProtocolError, UpstreamRefused
from protocols.postgres.client import probe, psql
from tests.protocols.postgres.server import GREETINGS, OK, error
from tests.protocols.script import Script
from tests.wire import message, startup


def _connected(turns: list[bytes], cut: int) -> Script:
    """A probe finds its connection made."""
    script = Script(servers=[turns], cut=cut)
    script.connect()
    return script


def test_a_probe_that_is_let_in_leaves_again(cut: int) -> None:
    script = _connected([OK + GREETINGS], cut)
    script.run(probe("app"))
    said = startup(user="app", application_name="keyless connect")
    assert script.upstream.received == said + message(b"X")


def test_a_probe_tells_the_refusal_that_a_client_sees(cut: int) -> None:
    with pytest.raises(UpstreamRefused, match="no such role") as caught:
        _connected([error("3D000", "no such role")], cut).run(probe("app"))
    assert caught.value.code == "3D000"


def test_a_probe_tells_of_a_proxy_that_makes_no_sense(cut: int) -> None:
    with pytest.raises(ServerProtocolError, match="the proxy sent a malformed error"):
        _connected([message(b"E", b"Mno end")], cut).run(probe("app"))


@pytest.mark.parametrize("said", [b"", OK, OK + GREETINGS[:-1]])
def test_a_probe_tells_of_a_proxy_that_leaves(cut: int, said: bytes) -> None:
    with pytest.raises(ServerProtocolError, match="closed the connection without a word"):
        _connected([said], cut).run(probe("app"))


@pytest.mark.parametrize(
    ("endpoint", "database", "arguments"),
    [
        (TcpEndpoint("127.0.0.1", 6432), "shop", "psql -h 127.0.0.1 -p 6432 -U app -d shop"),
        (TcpEndpoint("::1", 5432), None, "psql -h ::1 -p 5432 -U app -d app"),
        (UnixEndpoint("/run/k/.s.PGSQL.6432"), None, "psql -h /run/k -p 6432 -U app -d app"),
    ],
)
def test_psql_is_pointed_at_the_listener(
    endpoint: TcpEndpoint | UnixEndpoint, database: str | None, arguments: str
) -> None:
    program = psql(endpoint, "app", database)
    assert " ".join(program.arguments) == arguments
    assert "PGPASSWORD" not in program.environment
