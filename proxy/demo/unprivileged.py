"""PostgreSQL refuses to run as root: what root does about it. For others, it does nothing."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from proxy.demo import DemoError

# All that a program is given here: the caller's own environment may hold credentials.
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "PGCLIENTENCODING": "UTF8"}
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Account:
    """Who the server runs as: nobody for root, else (None) the user who we are."""

    entry: pwd.struct_passwd | None

    @classmethod
    def fit_for_servers(cls) -> Self:
        if os.geteuid() != 0:
            return cls(None)
        try:
            return cls(pwd.getpwnam("nobody"))
        except KeyError:
            raise DemoError(
                "PostgreSQL does not run as root, and there is no user nobody here to run it as: "
                "start this as another user."
            ) from None

    def options(self, directory: Path) -> dict[str, Any]:
        """What `subprocess` is told, to run a program as this user in a directory it can enter."""
        options: dict[str, Any] = {"cwd": directory, "env": _ENVIRONMENT, "umask": 0o077}
        if self.entry is not None:
            options |= {"user": self.entry.pw_uid, "group": self.entry.pw_gid, "extra_groups": []}
        return options

    def run(self, command: Sequence[str | Path], directory: Path, standard_input: str = "") -> str:
        """Run a program to its end and return its output."""
        done: subprocess.CompletedProcess[str] = subprocess.run(  # noqa: S603
            command,
            input=standard_input,
            capture_output=True,
            encoding="utf-8",
            timeout=_PATIENCE,
            check=False,
            **self.options(directory),
        )
        if done.returncode != 0:
            raise DemoError(f"{Path(command[0]).name} failed: {one_line(done.stderr)}")
        return done.stdout

    def settle(self, directory: Path) -> None:
        """Let this user own `directory`, and make sure that it can get there."""
        self._own(directory)
        try:
            self.run(["ls", directory], Path("/"))
        except (PermissionError, DemoError):
            raise DemoError(
                f"PostgreSQL cannot reach {directory}, because it does not run as root: "
                "set TMPDIR to a directory that every user can enter."
            ) from None

    def runnable(self, binaries: Path, directory: Path) -> Path:
        """`binaries` if this user can run them where they are, else those of a copy in `directory`.

        They often cannot be reached: root's virtual environments lie below /root.
        """
        if not (binaries / "psql").exists():
            raise DemoError(f"There is no PostgreSQL in {binaries}.")
        if self._can_run(binaries):
            return binaries
        installation = binaries.parent
        wheel = installation.parent
        # Programs in a wheel find their libraries beside the package, relative to themselves.
        libraries = wheel.with_name(f"{wheel.name}.libs")
        self._copy(installation, directory / wheel.name / installation.name)
        if libraries.is_dir():
            self._copy(libraries, directory / libraries.name)
        return directory / wheel.name / installation.name / binaries.name

    def _can_run(self, binaries: Path) -> bool:
        try:
            # psql, because unlike the server it needs libraries of the wheel.
            self.run([binaries / "psql", "--version"], Path("/"))
        except (PermissionError, DemoError):
            return False
        return True

    def _copy(self, source: Path, target: Path) -> None:
        shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("include"))
        for path in (target.parent, target, *target.rglob("*")):
            self._own(path)

    def _own(self, path: Path) -> None:
        if self.entry is not None:
            os.chown(path, self.entry.pw_uid, self.entry.pw_gid, follow_symlinks=False)


def one_line(text: str) -> str:
    """The end of what a program said, fit for an error."""
    return " / ".join(text.splitlines()[-5:])
