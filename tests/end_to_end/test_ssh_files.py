"""Files and trees of files: scp by either of its protocols, sftp, rsync and git."""

import os
from pathlib import Path

import pytest

from tests.end_to_end.programs import find
from tests.end_to_end.ssh import SCP, SFTP, Client, joe, keyless, well
from tests.keyless import Keyless
from tests.servers.openssh import OpenSsh

__all__ = ["joe", "keyless"]

RSYNC, GIT = map(find, ("rsync", "git"))
_RAW = os.urandom(3_000_000)


@pytest.fixture
def there(openssh: OpenSsh, request: pytest.FixtureRequest) -> Path:
    """A folder of the test's own at the server, whose name is the same from there."""
    folder = openssh.home / str(request.node.name)
    folder.mkdir()
    return folder


@pytest.fixture
def here(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "file").write_bytes(_RAW)
    return folder


@pytest.mark.parametrize("protocol", ["-s", "-O"])
def test_scp(joe: Client, here: Path, there: Path, protocol: str) -> None:
    """By SFTP, and by its own old protocol."""
    host = joe.place[0]
    well(joe.program(SCP, protocol, *joe.options, f"{here}/file", f"{host}:{there}/up"))
    assert (there / "up").read_bytes() == _RAW
    well(joe.program(SCP, protocol, "-r", *joe.options, f"{host}:{there}", f"{here}/down"))
    assert (here / "down" / "up").read_bytes() == _RAW
    missing = joe.program(SCP, protocol, *joe.options, f"{host}:{there}/nothing", str(here))
    assert missing.returncode != 0


def test_sftp(keyless: Keyless, joe: Client, here: Path, there: Path) -> None:
    audit = keyless.audit()
    batch = f"put {here}/file {there}/a\nrename {there}/a {there}/b\nget {there}/b {here}/c\n"
    batch += f"mkdir {there}/folder\nls -l {there}\nrm {there}/b\n"
    told = well(joe.program(SFTP, "-b", "-", *joe.options, joe.place[0], stdin=batch))
    assert "folder" in told
    assert (here / "c").read_bytes() == _RAW
    assert os.listdir(there) == ["folder"]
    told_of = {event["path"] for event in audit.wait("ssh.sftp", 4)}
    assert f"{there}/a" in told_of


def test_rsync(joe: Client, here: Path, there: Path) -> None:
    for number in range(200):
        (here / f"{number}").write_text(f"{number}" * number)
    remote = f"{joe.place[0]}:{there}/tree/"
    well(joe.program(RSYNC, "-a", "-e", joe.command, f"{here}/", remote))
    assert len(os.listdir(there / "tree")) == 201
    (here / "7").write_text("changed, and of another length")
    (here / "8").unlink()
    changes = well(joe.program(RSYNC, "-ai", "--delete", "-e", joe.command, f"{here}/", remote))
    assert {line.split()[-1] for line in changes.splitlines()} - {"./"} == {"7", "8"}
    well(joe.program(RSYNC, "-a", "-e", joe.command, remote, f"{here}/back"))
    assert (here / "back" / "file").read_bytes() == _RAW


def test_git(joe: Client, here: Path, there: Path) -> None:
    names = {"GIT_SSH_COMMAND": joe.command}
    for kind in ("AUTHOR", "COMMITTER"):
        names |= {f"GIT_{kind}_NAME": "Joe", f"GIT_{kind}_EMAIL": "joe@example.org"}
    remote = f"ssh://{joe.place[0]}{there}/bare.git"

    def git(*words: str) -> str:
        return well(joe.program(GIT, *words, more=names))

    git("init", "-q", "--bare", "-b", "main", f"{there}/bare.git")
    git("clone", "-q", remote, f"{here}/one")
    (here / "one" / "file").write_bytes(_RAW)
    git("-C", f"{here}/one", "add", "file")
    git("-C", f"{here}/one", "commit", "-q", "-m", "The first")
    git("-C", f"{here}/one", "push", "-q", "origin", "HEAD:main")
    git("clone", "-q", "-b", "main", remote, f"{here}/two")
    assert (here / "two" / "file").read_bytes() == _RAW
