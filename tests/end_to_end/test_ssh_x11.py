"""Windows of the server's programs on the client's screen, where a role allows it.

The screen is a socket, and the program one that says the first words of X11 and reads the answer.
"""

import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from tests.end_to_end.conftest import StartKeyless
from tests.end_to_end.ssh import client, secrets, ssh_role, well
from tests.keyless import Keyless
from tests.servers.openssh import HOST, OpenSsh

_COOKIE = "MIT-MAGIC-COOKIE-1"
_HELLO = 12 + 20 + 16  # bytes: a client's, with the cookie's name and the cookie
_ANSWER = b"\0\5\13\0\0\0\2\0no way\0\0"
_XAUTH = "#!/bin/sh\nexec cat > {}\n"
# Where sshd tells the display's cookie to, a line "add DISPLAY NAME COOKIE" has it.
_PROGRAM = """
import os, socket, struct
name, cookie = open({cookies!r}).read().split()[-2:]
display = int(os.environ["DISPLAY"].partition(":")[2].partition(".")[0])
screen = socket.create_connection(("localhost", 6000 + display))
lengths = struct.pack("<BxHHHHxx", ord("l"), 11, 0, len(name), len(cookie) // 2)
screen.sendall(lengths + name.encode().ljust(20, bytes(1)) + bytes.fromhex(cookie))
answer = b""
while chunk := screen.recv(100):
    answer += chunk
print(answer)
"""


class _Screen:
    """What the client's DISPLAY names: takes one connection, hears its first words, and says no."""

    def __init__(self) -> None:
        self._listener = next(filter(None, map(_listen, range(90, 200))))
        self.display = f"{HOST}:{self._listener.getsockname()[1] - 6000}"
        self.heard = b""
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        program, _ = self._listener.accept()
        with program:
            while len(self.heard) < _HELLO:
                self.heard += program.recv(_HELLO)
            program.sendall(_ANSWER)

    def close(self) -> None:
        self._listener.close()


def _listen(display: int) -> socket.socket | None:
    try:
        return socket.create_server((HOST, 6000 + display))
    except OSError:
        return None


@pytest.fixture
def screen() -> Iterator[_Screen]:
    screen = _Screen()
    yield screen
    screen.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OpenSsh]:
    """It has an xauth that only writes down what it is told."""
    xauth = tmp_path / "xauth"
    xauth.write_text(_XAUTH.format(tmp_path / "cookies"))
    xauth.chmod(0o755)
    with OpenSsh({"X11Forwarding": "yes", "XAuthLocation": str(xauth)}) as server:
        yield server


@pytest.fixture
def keyless(start_keyless: StartKeyless, server: OpenSsh) -> Keyless:
    return start_keyless(ssh_role("web", server, settings="forward_x11 = true"), secrets(server))


def test_a_program_reaches_the_screen(keyless: Keyless, screen: _Screen, tmp_path: Path) -> None:
    audit = keyless.audit()
    joe = client(keyless, "web", tmp_path)
    program = _PROGRAM.format(cookies=str(tmp_path / "cookies"))
    command = joe.ssh("python3 -", options=["-Y", "-oXAuthLocation=/nonexistent"])
    done = joe.program(*command, stdin=program, more={"DISPLAY": screen.display})
    assert well(done) == f"{_ANSWER!r}\n"
    assert screen.heard.startswith(b"l\0\13\0\0\0")
    assert _COOKIE.encode() in screen.heard
    told = audit.one("ssh.forward")
    assert (told["direction"], told["target"], told["accepted"]) == ("x11", "x11", True)
    assert (told["bytes_in"], told["bytes_out"]) == (len(_ANSWER), _HELLO)
    assert told["finished"] is True
