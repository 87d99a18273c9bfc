"""Sessions at which nobody is any more: they end, unless something is at work in them."""

import subprocess
import time
from pathlib import Path

from tests.end_to_end.conftest import StartKeyless
from tests.end_to_end.ssh import SFTP, Client, client, secrets, ssh_role, well
from tests.end_to_end.terminal import Terminal
from tests.keyless import Keyless
from tests.servers.openssh import OpenSsh
from tests.waiting import PATIENCE

_SENTENCE = "the session was idle for {} s"


def _start(start_keyless: StartKeyless, server: OpenSsh, seconds: int) -> Keyless:
    text = f"[timeouts]\nidle = {seconds}\n" + ssh_role("web", server)
    return start_keyless(text, secrets(server))


def _terminal(joe: Client, *options: str) -> Terminal:
    return Terminal(joe.ssh(options=list(options)), joe.environment, joe.folder / "terminal")


def test_a_client_that_asks_for_nothing(
    start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path
) -> None:
    keyless = _start(start_keyless, openssh, 1)
    done = client(keyless, "web", tmp_path).run("-N")
    assert _SENTENCE.format(1) in done.stderr.decode()


def test_a_shell_at_which_nobody_types(start_keyless: StartKeyless, tmp_path: Path) -> None:
    """Though both ends ask each other all the time whether they live."""
    with OpenSsh({"ClientAliveInterval": "1"}) as server:
        keyless = _start(start_keyless, server, 2)
        audit = keyless.audit()
        joe = client(keyless, "web", tmp_path)
        with _terminal(joe, "-oServerAliveInterval=1") as terminal:
            terminal.see(_SENTENCE.format(2))
    end = audit.one("session.end")
    assert (end["ended_by"], end["reason"]) == ("proxy", _SENTENCE.format(2))
    assert audit.one("ssh.shell")["finished"] is False


def test_a_shell_at_which_somebody_types(
    start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path
) -> None:
    keyless = _start(start_keyless, openssh, 5)
    audit = keyless.audit()
    with _terminal(client(keyless, "web", tmp_path)) as terminal:
        until = time.monotonic() + 8
        while time.monotonic() < until:
            terminal.type("echo $((40+2))\n")
            terminal.see("\n42")
            time.sleep(0.3)
        terminal.type("exit 0\n")
        assert audit.one("session.end")["ended_by"] == "client"


def test_a_silent_command_is_at_work(
    start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path
) -> None:
    """As is a shell that was told all before."""
    joe = client(_start(start_keyless, openssh, 2), "web", tmp_path)
    assert well(joe.run("sleep 4; echo in")) == "in\n"
    assert well(joe.run(stdin="sleep 4; echo in")) == "in\n"


def test_sftp_whose_user_has_left(
    start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path
) -> None:
    keyless = _start(start_keyless, openssh, 1)
    audit = keyless.audit()
    joe = client(keyless, "web", tmp_path)
    with subprocess.Popen(
        [SFTP, *joe.options, joe.place[0]],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=joe.environment,
    ) as left:
        assert audit.one("session.end")["ended_by"] == "proxy"
        told = left.communicate(timeout=PATIENCE)[1]
    assert _SENTENCE.format(1).encode() in told
