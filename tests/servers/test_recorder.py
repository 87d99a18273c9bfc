"""The recorder hears what the client hears, and changes nothing of it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.recorder import Recorder


@contextmanager
def _upstream_that_answers_after_the_end() -> Iterator[tuple[str, int]]:
    """Reads until its client has closed its side, and only then answers: what it read, reversed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as file:
                connection.sendall(file.read()[::-1])

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()
        thread.join(10)


def _converse(connection: socket.socket, words: bytes) -> bytes:
    connection.settimeout(10)
    with connection, connection.makefile("rb") as file:
        connection.sendall(words)
        connection.shutdown(socket.SHUT_WR)
        return file.read()


def test_it_records_what_the_client_received_and_keeps_half_closed(tmp_path: Path) -> None:
    words = b"0123456789" * 100_000
    with (
        _upstream_that_answers_after_the_end() as target,
        Recorder(target, tmp_path, "psql") as recorder,
    ):
        connection = socket.create_connection(("127.0.0.1", recorder.port))
        assert _converse(connection, words) == words[::-1]
    assert (tmp_path / "psql-1.received").read_bytes() == words[::-1]


def test_it_listens_on_a_unix_socket(tmp_path: Path) -> None:
    with (
        _upstream_that_answers_after_the_end() as target,
        Recorder(target, tmp_path, "psql", path=tmp_path / "socket"),
    ):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(tmp_path / "socket"))
        assert _converse(connection, b"abc") == b"cba"
    assert (tmp_path / "psql-1.received").read_bytes() == b"cba"


def test_the_client_is_hung_up_on_when_upstream_does_not_listen(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = listener.getsockname()
    with (
        Recorder(target, tmp_path, "psql") as recorder,
        socket.create_connection(("127.0.0.1", recorder.port), timeout=10) as connection,
    ):
        assert connection.recv(1) == b""


def test_leaving_ends_open_connections(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        with Recorder(upstream.getsockname(), tmp_path, "psql") as recorder:
            connection = socket.create_connection(("127.0.0.1", recorder.port))
            accepted, _ = upstream.accept()
        with connection, accepted:
            for end in (connection, accepted):
                end.settimeout(10)
                assert end.recv(1) == b""
