"""Ports of this machine: one that is free, and waiting until somebody listens."""

import socket
import time


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def await_port(name: str, port: int, seconds: float) -> None:
    """End the program where `name` does not listen by then."""
    await_listener(name, ("127.0.0.1", port), seconds)


def await_listener(name: str, address: tuple[str, int] | str, seconds: float) -> None:
    """The same, with a Unix socket by its path."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    deadline = time.monotonic() + seconds
    while True:
        try:
            with socket.socket(family) as probe:
                probe.settimeout(1)
                probe.connect(address)
        except OSError:
            if time.monotonic() > deadline:
                raise SystemExit(f"{name} did not start: nobody listens at {address}") from None
            time.sleep(0.05)
        else:
            return
