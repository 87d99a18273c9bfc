"""Ports of this machine: one that is free, and waiting until somebody listens."""

import socket
import time


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def await_port(name: str, port: int, seconds: float) -> None:
    """End the program where `name` does not listen by then."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise SystemExit(f"{name} did not start: nobody listens at port {port}") from None
            time.sleep(0.05)
        else:
            return
