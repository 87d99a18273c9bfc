"""What is the same for every kind of role, of SSH roles: who may, which role, how sessions end."""

import os
import pwd
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.end_to_end.conftest import StartKeyless
from tests.end_to_end.programs import run
from tests.end_to_end.ssh import Client, client, secrets, ssh_role, well
from tests.keyless import COMMAND, environment
from tests.servers.openssh import HOST, OpenSsh

_ME = pwd.getpwuid(os.getuid()).pw_name
_SHARED = '[listen]\nssh = "127.0.0.1:0"\n'
_NOT_ME = 'allow = { users = ["nobody-at-all"] }'


def _refused(joe: Client) -> str:
    done = joe.run("true")
    assert done.returncode == 255
    return done.stderr.decode()


def test_each_name_is_its_role(
    start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path
) -> None:
    keyless = start_keyless(
        _SHARED
        + ssh_role("web", openssh, listen=None, settings=f'allow.users = ["{_ME}"]')
        + ssh_role("closed", openssh, listen=None, settings=_NOT_ME),
        secrets(openssh),
    )
    audit = keyless.audit()
    assert well(client(keyless, "ssh", tmp_path, "web").run("echo in")) == "in\n"
    assert audit.one("session.start")["role"] == "web"
    closed = _refused(client(keyless, "ssh", tmp_path, "closed"))
    unknown = _refused(client(keyless, "ssh", tmp_path, "nothing"))
    assert 'role "nothing" does not exist' in unknown
    assert closed.replace("closed", "nothing") == unknown
    assert [e["role"] for e in audit.wait("session.denied", 2)] == ["closed", None]
    assert len(audit.events("secret.read")) == 1


def test_all_sessions_are_taken(
    start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path
) -> None:
    text = "[limits]\nsessions = 1\n" + ssh_role("web", openssh)
    keyless = start_keyless(text, secrets(openssh))
    joe = client(keyless, "web", tmp_path)
    with _open(joe) as first:
        assert "all 1 sessions are taken; try again later" in _refused(joe)
        first.terminate()
    deadline = time.monotonic() + 10
    while (done := joe.run("true")).returncode and time.monotonic() < deadline:
        time.sleep(0.1)
    assert done.returncode == 0


def _open(joe: Client, *command: str) -> "subprocess.Popen[bytes]":
    """A session that is in."""
    session = subprocess.Popen(
        joe.ssh(*(command or ("echo in; cat",))),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert session.stdout is not None
    assert session.stdout.readline() == b"in\n"
    return session


def test_a_proxy_that_stops_says_so(
    start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path
) -> None:
    """At once where nothing runs, and where something does after the time for it is over."""
    text = "[timeouts]\nshutdown = 2\n" + ssh_role("web", openssh)
    keyless = start_keyless(text, secrets(openssh))
    audit = keyless.audit()
    joe = client(keyless, "web", tmp_path)
    idle = subprocess.Popen(joe.ssh("-N"), stderr=subprocess.PIPE)
    audit.one("session.start")
    with (
        _open(joe, "echo in; sleep 60") as busy,
        _open(joe, "echo in; sleep 1; echo done") as ending,
    ):
        begun = time.monotonic()
        keyless.process.send_signal(signal.SIGTERM)
        _, told = idle.communicate(timeout=10)
        assert time.monotonic() - begun < 1.5
        assert b"the proxy is shutting down" in told
        assert ending.communicate(timeout=10)[0] == b"done\n"
        assert b"the proxy is shutting down" in busy.communicate(timeout=10)[1]
    assert keyless.process.wait(10) == 0
    ends = [event["ended_by"] for event in audit.events("session.end")]
    # Between a program's end and its client's goodbye, the proxy may find the session idle.
    assert ends.count("proxy") in {2, 3}
    assert len(ends) == 3
    commands = {event["command"]: event.get("exit_status") for event in audit.events("ssh.exec")}
    assert commands == {"echo in; sleep 60": None, "echo in; sleep 1; echo done": 0}


def test_the_host_key_is_kept(
    start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path
) -> None:
    keyless = start_keyless(ssh_role("web", openssh), secrets(openssh))
    seen: list[bytes] = []
    for _ in range(2):
        host, port = keyless.places["web"]
        scanned = run("ssh-keyscan", "-p", str(port), host).stdout
        seen.append(scanned.partition(" ")[2].encode())
        well(client(keyless, "web", tmp_path).run("true"))
        keyless.stop()
        (keyless.directory / "keyless.log").write_text("")
        keyless.__enter__()
    assert seen[0] == seen[1] != b""
    assert (keyless.directory / "ssh_host_key").stat().st_mode & 0o777 == 0o600


def test_what_is_no_ssh(start_keyless: StartKeyless, openssh: OpenSsh) -> None:
    """Ends at once, and bothers nobody."""
    keyless = start_keyless(ssh_role("web", openssh), secrets(openssh))
    for said in (b"", b"GET / HTTP/1.1\r\n\r\n", b"SSH-2.0-x\r\n" + bytes(100), b"x" * 100_000):
        with socket.create_connection(keyless.places["web"], 5) as connection:
            connection.settimeout(10)
            connection.sendall(said)
            connection.shutdown(socket.SHUT_WR)
            try:
                while connection.recv(65536):
                    pass
            except ConnectionResetError:
                pass
    assert "bug" not in keyless.log


def test_a_client_that_says_nothing(start_keyless: StartKeyless, openssh: OpenSsh) -> None:
    text = "[timeouts]\nclient = 1\n" + ssh_role("web", openssh)
    keyless = start_keyless(text, secrets(openssh))
    audit = keyless.audit()
    with socket.create_connection(keyless.places["web"], 5) as connection:
        connection.settimeout(10)
        while connection.recv(65536):
            pass
    sentence = "the client did not finish its startup within 1 s"
    assert audit.one("session.denied")["sentence"] == sentence


def test_upstream_that_says_nothing(
    start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path
) -> None:
    with socket.create_server((HOST, 0)) as silent:
        role = ssh_role("web", silent.getsockname()[1], KNOWN_HOSTS=openssh.host_line)
        keyless = start_keyless("[timeouts]\nupstream = 1\n" + role, secrets(openssh))
        told = _refused(client(keyless, "web", tmp_path))
    assert 'upstream of role "web" did not answer within 1 s' in told


def test_check(start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path) -> None:
    keyless = start_keyless(ssh_role("web", openssh), secrets(openssh))
    command = (COMMAND, "check", "web", "--config", str(keyless.config))
    done = run(*command, environment=environment(secrets(openssh)))
    assert done.returncode == 0, done.stdout
    assert "logged in to OpenSSH_" in done.stdout
    assert " with publickey" in done.stdout
    known = '[roles.web.env]\nKNOWN_HOSTS = "elsewhere ' + openssh.host_line + '"\n'
    wrong = tmp_path / "keyless.toml"
    text = keyless.config.read_text().replace("[roles.web.env]\n", known)
    wrong.write_text("\n".join(dict.fromkeys(text.splitlines()[:-1])) + "\n")
    done = run(COMMAND, "check", "--config", str(wrong), environment=environment(secrets(openssh)))
    assert done.returncode == 1
    assert "has a host key that the role does not know" in done.stdout


@pytest.mark.parametrize("running", [True, False])
def test_connect(
    start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path, running: bool
) -> None:
    keyless = start_keyless(ssh_role("web", openssh), secrets(openssh))
    if not running:
        keyless.stop()
    command = (COMMAND, "connect", "web", "--config", str(keyless.config))
    paths = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    variables = {**paths, **secrets(openssh)}
    done = run(*command, "--", "echo in; exit 5", environment=variables)
    assert (done.returncode, done.stdout) == (5, "in\n")
    assert "Connected to web\n" in done.stderr
