"""Commands and shells through the proxy: everything comes back as if nobody stood between."""

import hashlib
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from concurrent.futures import ThreadPoolExecutor
from fcntl import ioctl
from pathlib import Path

import pytest

from tests.end_to_end.conftest import StartKeyless
from tests.end_to_end.ssh import Client, client, joe, keyless, secrets, ssh_role, well
from tests.keyless import Keyless
from tests.servers.openssh import OpenSsh

__all__ = ["joe", "keyless"]

_MUCH = 300 * 1024 * 1024


def test_a_command_runs_as_the_roles_account(keyless: Keyless, joe: Client) -> None:
    audit = keyless.audit()
    assert well(joe.run("echo $USER")) == "joe\n"
    started = audit.one("session.start")
    assert started["wish"]["user"] == joe.user
    assert started["facts"]["method"] == "publickey"
    ended = audit.one("session.end")
    assert (ended["ended_by"], ended["reason"]) == ("client", "closed the connection")


@pytest.mark.parametrize("status", [0, 3, 255])
def test_exit_status(joe: Client, status: int) -> None:
    assert joe.run(f"exit {status}").returncode == status


def test_exit_signal(joe: Client) -> None:
    done = joe.run("kill -TERM $$", options=["-v"])
    assert done.returncode == 255
    assert b"client_input_channel_req: channel 0 rtype exit-signal" in done.stderr


def test_the_three_streams(joe: Client) -> None:
    done = joe.run("tr a-z A-Z; echo beside >&2", stdin="over there")
    assert (done.stdout, done.stderr) == (b"OVER THERE", b"beside\n")


def test_bytes_that_are_no_text(joe: Client) -> None:
    raw = bytes(range(256))
    assert joe.run("cat", stdin=raw).stdout == raw
    printed = joe.program(*joe.ssh(), b"printf %s '\xff\xfe'")  # type: ignore[arg-type]
    assert printed.stdout == b"\xff\xfe"


def test_much_goes_up(joe: Client) -> None:
    sender = subprocess.Popen(
        ["head", "-c", str(_MUCH), "/dev/zero"], stdout=subprocess.PIPE, env=joe.environment
    )
    receiver = subprocess.run(
        joe.ssh("sha256sum"), stdin=sender.stdout, capture_output=True, timeout=120, check=True
    )
    sender.wait()
    assert receiver.stdout.split()[0].decode() == _digest_of_zeros()


def test_much_comes_down(joe: Client) -> None:
    with subprocess.Popen(
        joe.ssh(f"head -c {_MUCH} /dev/zero"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert hashlib.file_digest(running.stdout, "sha256").hexdigest() == _digest_of_zeros()  # type: ignore[arg-type]
    assert running.returncode == 0


def _digest_of_zeros() -> str:
    digest, chunk = hashlib.sha256(), bytes(1 << 20)
    for _ in range(_MUCH >> 20):
        digest.update(chunk)
    return digest.hexdigest()


def test_a_reader_that_stops_holds_the_writer_up(keyless: Keyless, joe: Client) -> None:
    """What nobody reads is not gathered in the proxy."""
    before = _memory(keyless)
    with subprocess.Popen(
        joe.ssh("head -c 200000000 /dev/zero"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        running.stdout.read(1)
        time.sleep(3)
        assert _memory(keyless) - before < 30_000_000
        assert len(running.stdout.read()) == 199_999_999


def _memory(keyless: Keyless) -> int:
    status = Path(f"/proc/{keyless.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


def test_keys_are_changed_on_the_way(joe: Client) -> None:
    """By the client after each megabyte, and 40 MB have to pass."""
    done = joe.run("head -c 40000000 /dev/zero", options=["-oRekeyLimit=1M", "-v"])
    assert len(done.stdout) == 40_000_000
    assert done.stderr.count(b"rekey") > 10
    sent = joe.run("wc -c", stdin=bytes(40_000_000), options=["-oRekeyLimit=1M"])
    assert sent.stdout.strip() == b"40000000"


@pytest.mark.parametrize(
    ("offered", "taken"),
    [
        (None, "aes128-gcm@openssh.com"),
        ("chacha20-poly1305@openssh.com,aes256-gcm@openssh.com", "aes256-gcm@openssh.com"),
        ("aes128-ctr,chacha20-poly1305@openssh.com", "chacha20-poly1305@openssh.com"),
        ("aes192-ctr", "aes192-ctr"),
    ],
)
def test_the_proxy_takes_the_cheapest_cipher_that_the_client_has(
    joe: Client, offered: str | None, taken: str
) -> None:
    options = ["-v", *([f"-oCiphers={offered}"] if offered else [])]
    done = joe.run("head -c 3000000 /dev/zero", options=options)
    assert len(done.stdout) == 3_000_000
    assert done.stderr.count(b"cipher: %b " % taken.encode()) == 2  # one for each direction


def test_a_client_that_keeps_alive_is_answered(joe: Client) -> None:
    options = ["-oServerAliveInterval=1", "-oServerAliveCountMax=1"]
    assert well(joe.run("sleep 4; echo still", options=options)) == "still\n"


class Terminal:
    """ssh in a terminal of the test's own."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        self.resize(24, 80)
        self.process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment | {"TERM": "xterm"},
            start_new_session=True,
        )
        os.close(theirs)
        self.seen = ""

    def resize(self, rows: int, columns: int) -> None:
        ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def until(self, text: str) -> None:
        deadline = time.monotonic() + 20
        while text not in self.seen:
            ready, _, _ = select.select([self._ours], [], [], deadline - time.monotonic())
            assert ready, f"not seen: {text!r} in {self.seen!r}"
            self.seen += os.read(self._ours, 4096).decode(errors="replace")
        self.seen = self.seen.partition(text)[2]

    def end(self) -> int:
        code = self.process.wait(20)
        os.close(self._ours)
        return code


def test_a_shell_in_a_terminal(joe: Client) -> None:
    terminal = Terminal(joe.ssh(), joe.environment)
    terminal.type("stty size; tty\n")
    terminal.until("24 80")
    terminal.until("/dev/pts/")
    terminal.resize(30, 100)
    os.kill(terminal.process.pid, signal.SIGWINCH)
    time.sleep(0.3)
    terminal.type("stty size\n")
    terminal.until("30 100")
    terminal.type("sleep 100; echo $((40+2))\n")
    time.sleep(0.5)
    terminal.type("\x03")
    terminal.until("^C")
    terminal.type("echo $((50+2)); exit 7\n")
    terminal.until("52")
    assert terminal.end() == 7


def test_one_connection_for_many_sessions(keyless: Keyless, joe: Client, tmp_path: Path) -> None:
    audit = keyless.audit()
    control = [f"-oControlPath={tmp_path}/control", "-oControlMaster=auto", "-oControlPersist=20"]
    well(joe.run("true", options=control))

    def one(number: int) -> str:
        return well(joe.run(f"echo {number}", options=control))

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(one, range(30))) == [f"{n}\n" for n in range(30)]
    well(joe.program(*joe.ssh(options=[*control, "-O", "exit"])))
    audit.one("session.end")
    assert len(audit.events("session.start")) == 1


def test_none_loses_its_exit_status(joe: Client, tmp_path: Path) -> None:
    """Where upstream's last words come all at once, on a connection that goes on."""
    control = [f"-oControlPath={tmp_path}/control", "-oControlMaster=auto", "-oControlPersist=20"]
    codes = [joe.run("exit 9", options=control).returncode for _ in range(40)]
    joe.program(*joe.ssh(options=[*control, "-O", "exit"]))
    assert codes == [9] * 40


def test_a_crowd(joe: Client) -> None:
    """Fifty at once, each with a connection of its own."""

    def one(number: int) -> str:
        return well(joe.run(f"echo {number}; sleep 1"))

    with ThreadPoolExecutor(50) as pool:
        assert list(pool.map(one, range(50))) == [f"{n}\n" for n in range(50)]


def test_upstream_that_ends_is_told_of(
    start_keyless: StartKeyless, own_openssh: OpenSsh, tmp_path: Path
) -> None:
    keyless = start_keyless(ssh_role("web", own_openssh), secrets(own_openssh))
    audit = keyless.audit()
    joe = client(keyless, "web", tmp_path)
    done = joe.run("kill -9 $PPID; sleep 10")
    assert done.returncode == 255
    assert b'upstream of role "web" closed the connection' in done.stderr
    assert audit.one("session.end")["ended_by"] == "upstream"


def test_a_banner_is_handed_on(start_keyless: StartKeyless, tmp_path: Path) -> None:
    banner = tmp_path / "banner"
    banner.write_text("Authorized users only.\n")
    with OpenSsh({"Banner": str(banner)}) as server:
        keyless = start_keyless(ssh_role("web", server), secrets(server))
        done = client(keyless, "web", tmp_path).run("true")
        assert b"Authorized users only." in done.stderr
