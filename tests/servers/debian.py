"""Where servers and their clients come from: this machine's own Debian, or a sid that root keeps.

Programs in sid see this machine's folder for temporary files at the path that it has here, and are
otherwise among themselves. Each command is one process with one id, whatever stands before it.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

import pytest

_SCRIPT = Path(__file__).parents[2] / "scripts/sid-root.sh"
_PATIENCE = 600.0
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT: Mapping[str, str] = MappingProxyType({"PATH": _PATH, "LC_ALL": "C.UTF-8", "TZ": "UTC"})
"""All that a program is given: our own environment may hold credentials."""

_UNPRIVILEGED = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
_ENTER = 'root=$0 shared=$1; shift; mkdir -p "$root$shared"; mount --bind "$shared" "$root$shared"'
_ENTER += '; exec chroot "$root" "$@"'


@dataclass(frozen=True, slots=True)
class Debian:
    """A Debian whose programs can be run; its root, or None for this machine's own."""

    root: Path | None

    def command(self, *words: str | Path) -> list[str]:
        """The command that runs a program of this Debian as who we are."""
        plain = [str(word) for word in words]
        if self.root is None:
            return plain
        shared = tempfile.gettempdir()
        return ["unshare", "--mount", "sh", "-ec", _ENTER, str(self.root), shared, *plain]

    def unprivileged(self, *words: str | Path) -> list[str]:
        """The same as nobody if we are root, else as who we are."""
        return self.command(*(_UNPRIVILEGED if os.geteuid() == 0 else ()), *words)


def installed(program: str, package: str) -> Debian:
    """This machine's own, which has `program`. Without it a test is skipped, but not in CI."""
    if shutil.which(program, path=_PATH) is None:
        _missing(f"there is no {program} here: apt-get install {package}")
    return Debian(None)


@cache
def sid(*packages: str) -> Debian:
    """A sid that holds these packages, made by the first who asks. Without root a test is skipped,
    but not in CI."""
    if os.geteuid() != 0:
        _missing(f"only root can make the Debian sid that holds {packages[0]}")
    made = subprocess.run(
        [_SCRIPT, *packages], stdout=subprocess.PIPE, text=True, timeout=_PATIENCE, check=True
    )
    return Debian(Path(made.stdout.strip()))


def _missing(what: str) -> NoReturn:
    if "CI" in os.environ:
        pytest.fail(what)
    pytest.skip(what)
