"""PostgreSQL's own tests: the source of the server that is installed, and the programs built of it.

Only the tests' programs are built. The server, psql and libpq's other users stay Debian's.
"""

import re
from pathlib import Path

from tests.conformance import debian
from tests.conformance.programs import fetch
from tests.conformance.suite import SuiteError
from tests.conformance.upstreams import postgres_binaries

_MADE = ("src/test/regress", "src/test/isolation", "src/test/modules/libpq_pipeline")


def built(version: str, cache: Path) -> Path:
    """The source tree of this major version, with the tests' programs in it."""
    exact = debian_version(version)
    source = debian.source(f"postgresql-{version}", cache, exact)
    if not (source / "built").exists():
        fetch(["./configure", "--quiet", "--without-readline", "--without-zlib"], source)
        for folder in _MADE:
            fetch(["make", "--silent", f"--directory={folder}", "all"], source)
        (source / "built").touch()
    return source


def debian_version(version: str) -> str:
    """What is installed, by the name that its source has too."""
    told = fetch([postgres_binaries(version) / "postgres", "--version"], Path("/"))
    found = re.search(r"\(Debian (\S+)\)", told)
    if found is None:
        raise SuiteError(f"its tests need Debian's PostgreSQL {version}: apt-get install it")
    return found[1]
