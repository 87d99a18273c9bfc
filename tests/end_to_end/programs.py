"""The programs that tests run, and the little that they are given."""

import os
import shutil
import subprocess
from collections.abc import Mapping

import pytest


def find(name: str, path: str | None = None) -> str:
    """A program's path. Without it the tests are skipped, but not in continuous integration."""
    found = shutil.which(name, path=path)
    if found is None:
        missing = f"there is no {name} on the PATH"
        if "CI" in os.environ:
            pytest.fail(missing)
        pytest.skip(missing, allow_module_level=True)
    return found


PSQL = find("psql")
NO_FILE = "/nonexistent/pgpass"


def run(
    *command: str, stdin: str = "", environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, whatever that is; what it is not given, it does not have."""
    return subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=psql_environment() if environment is None else environment,
    )


def psql_environment() -> dict[str, str]:
    """No password in it, and none to be found."""
    return {"PATH": os.environ["PATH"], "PGPASSFILE": NO_FILE, "LC_ALL": "C"}
