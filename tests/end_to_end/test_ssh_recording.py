"""Recordings of terminals: their files, and what becomes of sessions that cannot have one."""

import json
import resource
from pathlib import Path

from tests.end_to_end.conftest import StartKeyless
from tests.end_to_end.ssh import SCP, Client, client, joe, keyless, secrets, ssh_role, well
from tests.end_to_end.terminal import Terminal
from tests.keyless import Keyless
from tests.servers.openssh import OpenSsh

__all__ = ["joe", "keyless"]

_SENTENCE = "the proxy cannot record this session, so it ends; tell its operator"


def _terminal(joe: Client, name: str) -> Terminal:
    return Terminal(joe.ssh(), joe.environment, joe.folder / name)


def test_a_recording_can_be_played(keyless: Keyless, joe: Client) -> None:
    audit = keyless.audit()
    with _terminal(joe, "terminal") as terminal:
        terminal.type("echo $((40+2)); exit\n")
        terminal.see("42")
        told = audit.one("ssh.shell")
    (file,) = (keyless.directory / "recordings").iterdir()
    assert file.name == f"{told['session']}.{told['recording']}"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    header, *events = map(json.loads, file.read_text().splitlines())
    assert (header["version"], header["width"], header["height"]) == (2, 100, 30)
    assert "42" in "".join(text for _, kind, text in events if kind == "o")
    assert [at for at, *_ in events] == sorted(at for at, *_ in events)


def test_what_cannot_be_recorded_does_not_happen(keyless: Keyless, joe: Client) -> None:
    (keyless.directory / "recordings").write_text("in the way")
    audit = keyless.audit()
    done = joe.run("echo in", options=["-tt"])
    assert done.returncode == 255
    assert _SENTENCE.encode() in done.stderr
    assert b"in\r\n" not in done.stdout
    assert str(keyless.directory) in audit.one("session.end", ended_by="proxy")["reason"]
    assert well(joe.run("echo in")) == "in\n"


def test_a_disk_that_is_full_in_the_middle_of_a_recording(keyless: Keyless, joe: Client) -> None:
    """Ends that session, and no other one."""
    audit = keyless.audit()
    size, pid = 30_000, keyless.process.pid
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    with _terminal(joe, "small") as small, _terminal(joe, "large") as large:
        small.type("echo $((40+2))\n")
        small.see("\n42")
        large.type("head -c 200000 /dev/zero | tr '\\0' x; echo\n")
        large.see(_SENTENCE)
        end = audit.one("session.end")
        assert end["ended_by"] == "proxy"
        assert end["reason"].endswith(".1.cast cannot be written: File too large")
        assert audit.one("ssh.shell", session=end["session"])["finished"] is False
        small.type("echo $((50+2)); exit 0\n")
        small.see("\n52")
        assert audit.one("ssh.shell", exit_status=0)["finished"] is True
    assert well(joe.run("echo in")) == "in\n"
    recorded = (keyless.directory / "recordings").iterdir()
    assert max(file.stat().st_size for file in recorded) == size


def test_commands_where_a_role_says_so(
    start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path
) -> None:
    """But never files on their way."""
    role = ssh_role("web", openssh, settings="record_exec = true")
    keyless = start_keyless(role, secrets(openssh))
    audit = keyless.audit()
    joe = client(keyless, "web", tmp_path)
    assert well(joe.run("echo in")) == "in\n"
    told = audit.one("ssh.exec")
    file = keyless.directory / "recordings" / f"{told['session']}.{told['recording']}"
    header, shown = map(json.loads, file.read_text().splitlines())
    assert (header["command"], shown[1:]) == ("echo in", ["o", "in\n"])
    there = f"{joe.place[0]}:{openssh.home}/recorded"
    well(joe.program(SCP, "-O", *joe.options, __file__, there))
    copied = audit.wait("ssh.exec", 2)[1]
    assert (copied["command"].split()[0], copied["recording"]) == ("scp", None)
