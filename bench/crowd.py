"""What a query costs the proxy with few sessions and with thousands: `python -m bench.crowd`.

Of all sessions ten ask, which tells what the others cost by being there; then all in turn, which
adds that no session is in the processor's caches when it asks. Upstream and clients are stand-ins,
for only the proxy's own CPU is measured, and a real server would have a process for each session.
"""

import os
import select
import socket
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import click

from bench import markdown
from bench.ports import await_port, free_port
from bench.workers import cpu_seconds, keyless
from tests.wire import Wire, message, query

_IN_FLIGHT = 8
_FEW = 10
_GREETING = (
    message(b"R", bytes(4))
    + message(b"S", b"server_version\016.0\0")
    + message(b"K", b"\0\0\0\1abcd")
    + message(b"Z", b"I")
)
_ANSWER = (
    message(b"T", b"\0\1balance\0" + bytes(6) + b"\0\0\0\x17\0\4\xff\xff\xff\xff\0\0")
    + message(b"D", b"\0\1\0\0\0\17")
    + message(b"C", b"SELECT 1\0")
    + message(b"Z", b"I")
)
_QUERY = query("SELECT abalance FROM pgbench_accounts WHERE aid = 1234567;")


@click.command()
@click.option("--sessions", default=(10, 100, 1000, 5000), multiple=True, show_default=True)
@click.option("--queries", default=60_000, show_default=True)
@click.option("--workers", default=1, show_default=True)
@click.option("--upstream", type=int, hidden=True, help="Be the stand-in, on this port.")
def main(sessions: tuple[int, ...], queries: int, workers: int, upstream: int | None) -> None:
    """Measure the proxy's CPU for a query, by the number of its sessions."""
    if upstream is not None:
        _answer(upstream)
        return
    port = free_port()
    stand_in = subprocess.Popen([sys.executable, "-m", "bench.crowd", f"--upstream={port}"])
    try:
        await_port("the stand-in", port, 10)
        rows = [row for count in sessions for row in _measured(port, count, queries, workers)]
    finally:
        stand_in.terminate()
        stand_in.wait()
    headings = ["sessions", "who asks", "us user", "us system", "us"]
    click.echo("\n".join(markdown.table(headings, rows)))
    click.echo(f"\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


def _measured(upstream: int, sessions: int, queries: int, workers: int) -> Iterator[list[str]]:
    with (
        tempfile.TemporaryDirectory(prefix="keyless-bench-") as folder,
        keyless(Path(folder), upstream, workers, "disable") as (port, pid),
    ):
        clients = [Wire(("127.0.0.1", port)).log_in("bench") for _ in range(sessions)]
        for who, asking in (("ten", clients[:_FEW]), ("all in turn", clients)):
            sockets = deque(client.socket for client in asking)
            _ask(sockets, queries // 10)
            before = cpu_seconds(pid)
            _ask(sockets, queries)
            user, system = (b - a for a, b in zip(before, cpu_seconds(pid), strict=True))
            figures = (f"{spent * 1e6 / queries:.1f}" for spent in (user, system, user + system))
            yield [str(sessions), who, *figures]
        for client in clients:
            client.__exit__()


def _ask(sockets: deque[socket.socket], queries: int) -> None:
    """One after the other, a few at once."""
    asking: dict[int, tuple[socket.socket, int]] = {}
    epoll = select.epoll()
    left = queries
    while left or asking:
        while left and len(asking) < _IN_FLIGHT:
            one = sockets.popleft()
            one.sendall(_QUERY)
            asking[one.fileno()] = one, len(_ANSWER)
            epoll.register(one, select.EPOLLIN)
            left -= 1
        for descriptor, _ in epoll.poll():
            one, missing = asking.pop(descriptor)
            if missing := missing - len(one.recv(65_536)):
                asking[descriptor] = one, missing
                continue
            epoll.unregister(descriptor)
            sockets.append(one)
    epoll.close()


def _answer(port: int) -> None:
    """Let everybody in, and give everybody the same answer."""
    listener = socket.create_server(("127.0.0.1", port), backlog=1024)
    connections: dict[int, socket.socket] = {}
    epoll = select.epoll()
    epoll.register(listener, select.EPOLLIN)
    while True:
        for descriptor, _ in epoll.poll():
            if descriptor == listener.fileno():
                one, _ = listener.accept()
                connections[one.fileno()] = one
                epoll.register(one, select.EPOLLIN)
                continue
            one = connections[descriptor]
            asked = one.recv(65_536)
            if not asked or asked[:1] == b"X":
                connections.pop(descriptor).close()
            else:
                one.sendall(_ANSWER if asked[:1] == b"Q" else _GREETING)


if __name__ == "__main__":
    main()
