"""What a role does not allow: clients are told so in a sentence, and the audit is as well."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.ssh import SCP, SFTP, Client, client, secrets, ssh_role, well
from tests.keyless import Audit, Keyless
from tests.servers.openssh import HOST, OpenSsh
from tests.waiting import eventually

_SHUT = 'shell = false\nexec = ["echo *", "true"]\nsftp = "off"\naccept_env = ["LANG"]'
_READER = 'shell = false\nexec = []\nsftp = "read-only"'
_NO_SHELL = "this role does not allow shells"
_NO_COMMAND = "this role does not allow this command"
_NO_SFTP = "this role does not allow SFTP"


@pytest.fixture(scope="module")
def keyless(artefacts: Path, openssh: OpenSsh) -> Iterator[Keyless]:
    shut = ssh_role("shut", openssh, settings=_SHUT)
    reader = ssh_role("reader", openssh, settings=_READER)
    with Keyless(artefacts / "ssh-refusals", shut + reader, secrets(openssh)) as running:
        yield running


@pytest.fixture
def audit(keyless: Keyless) -> Iterator[Audit]:
    """No event of a test's sessions comes in the next one's time."""
    audit = keyless.audit()
    yield audit
    eventually(lambda: len(audit.events("session.end")) == len(audit.events("session.start")))


@pytest.fixture
def joe(keyless: Keyless, tmp_path: Path) -> Client:
    return client(keyless, "shut", tmp_path)


def _denied(audit: Audit) -> tuple[str, str, str]:
    event = audit.one("ssh.denied")
    return event["request"], event["detail"], event["sentence"]


def _is_refused(done: subprocess.CompletedProcess[bytes], sentence: str) -> None:
    assert (done.returncode, done.stdout) == (126, b"")
    assert f"keyless: {sentence}\r\n" in done.stderr.decode()


@pytest.mark.parametrize("options", [[], ["-tt"]], ids=["bare", "in a terminal"])
def test_a_shell(joe: Client, audit: Audit, options: list[str]) -> None:
    _is_refused(joe.run(stdin="echo in\n", options=options), _NO_SHELL)
    assert _denied(audit) == ("shell", "", _NO_SHELL)
    assert audit.one("session.end")["ended_by"] == "client"


@pytest.mark.parametrize(
    "command", ["id", "echo in; id", "echo $(id)", "echo in > file", "Echo in"]
)
def test_a_command(joe: Client, audit: Audit, command: str) -> None:
    assert well(joe.run("echo in")) == "in\n"
    _is_refused(joe.run(command), _NO_COMMAND)
    assert _denied(audit) == ("exec", command, _NO_COMMAND)
    assert [event["command"] for event in audit.events("ssh.exec")] == ["echo in"]


def test_a_role_without_commands(keyless: Keyless, audit: Audit, tmp_path: Path) -> None:
    sentence = "this role does not allow commands"
    _is_refused(client(keyless, "reader", tmp_path).run("true"), sentence)
    assert _denied(audit) == ("exec", "true", sentence)


def test_sftp(joe: Client, audit: Audit, openssh: OpenSsh) -> None:
    done = joe.program(SFTP, "-b", "-", *joe.options, joe.place[0], stdin="ls\n")
    assert done.returncode == 255
    assert f"keyless: {_NO_SFTP}" in done.stderr.decode()
    assert _denied(audit) == ("subsystem", "sftp", _NO_SFTP)
    copied = joe.program(SCP, *joe.options, __file__, f"{joe.place[0]}:{openssh.home}/none")
    assert copied.returncode == 255
    assert f"keyless: {_NO_SFTP}" in copied.stderr.decode()
    assert not (openssh.home / "none").exists()


def test_a_change_by_sftp(keyless: Keyless, audit: Audit, openssh: OpenSsh, tmp_path: Path) -> None:
    there = openssh.home / "to_read"
    there.write_text("as it was")
    joe = client(keyless, "reader", tmp_path)

    def sftp(*lines: str) -> subprocess.CompletedProcess[bytes]:
        return joe.program(SFTP, "-b", "-", *joe.options, joe.place[0], stdin="\n".join(lines))

    done = sftp(f"get {there} {tmp_path}/got", f"put {__file__} {there}")
    assert done.returncode == 1
    assert b"Permission denied" in done.stderr
    assert (tmp_path / "got").read_text() == there.read_text() == "as it was"
    sentence = "this role does not allow changes by SFTP"
    assert _denied(audit) == ("sftp open", str(there), sentence)
    assert sftp(f"rm {there}").returncode == 1
    assert there.exists()


def test_a_connection_from_the_server(joe: Client, audit: Audit) -> None:
    with socket.create_server((HOST, 0)) as target:
        place = f"{HOST}:{target.getsockname()[1]}"
        done = joe.run(options=["-W", place])
        assert done.returncode == 255
        sentence = f"this role does not allow forwarding to {place}"
        told = f"open failed: administratively prohibited: {sentence}"
        assert told in done.stderr.decode()
        assert _denied(audit) == ("direct-tcpip", place, sentence)
        target.settimeout(0)
        with pytest.raises(BlockingIOError):
            target.accept()


@pytest.mark.parametrize(
    ("listener", "request_", "target"),
    [
        ("47110", "tcpip-forward", "localhost:47110"),
        ("/run/none", "streamlocal-forward@openssh.com", "unix:/run/none"),
    ],
)
def test_a_listener_on_the_server(
    joe: Client, audit: Audit, listener: str, request_: str, target: str
) -> None:
    """The protocol has no room for a sentence there."""
    done = joe.run("true", options=[f"-R{listener}:{HOST}:1", "-oExitOnForwardFailure=yes"])
    assert done.returncode == 255
    assert b"remote port forwarding failed for listen" in done.stderr
    sentence = f"this role does not allow the server to listen on {target} for the client"
    assert _denied(audit) == (request_, target, sentence)


def test_the_clients_screen(joe: Client, audit: Audit) -> None:
    options = ["-Y", "-oXAuthLocation=/nonexistent"]
    done = joe.program(*joe.ssh("echo in", options=options), more={"DISPLAY": "127.0.0.1:99"})
    assert well(done) == "in\n"
    assert b"X11 forwarding request failed on channel 0" in done.stderr
    assert _denied(audit) == ("x11-req", "", "this role does not allow X11 forwarding")


def test_a_variable(joe: Client, audit: Audit) -> None:
    done = joe.run("echo in", options=["-oSetEnv=LD_PRELOAD=/none"])
    assert well(done) == "in\n"
    sentence = "this role does not let clients set this variable"
    assert _denied(audit) == ("env", "LD_PRELOAD", sentence)
