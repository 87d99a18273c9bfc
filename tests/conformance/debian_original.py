"""What a Debian package is made of, as its authors published it: for tests that are found nowhere
else. Debian's newest release has their newest; the machine's own release may be of any age.
"""

import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.conformance import debian
from tests.conformance.programs import fetch
from tests.conformance.suite import SuiteError

_PLACES = "deb-src $(REPO_URI) sid main"
_APT_HELPER = "/usr/lib/apt/apt-helper"
_TARBALL = re.compile(r"^'(\S+)' (\S+\.orig\.tar\.\w+) \d+ (\S+)$", re.M)


def tarball(package: str, cache: Path) -> Path:
    """The package's main tarball, fetched once into `cache`; apt checks what it is."""
    if kept := sorted(cache.glob(f"{package}_*.orig.tar.*")):
        return kept[0]
    if shutil.which("apt-get") is None:
        raise SuiteError(f"the sources of {package} come from Debian's archive: run it on Debian")
    with TemporaryDirectory(dir=cache) as scratch:
        address, name, checksum = _find(package, Path(scratch))
        fetch([_APT_HELPER, "download-file", address, name, checksum], Path(scratch))
        return (Path(scratch) / name).rename(cache / name)


def _find(package: str, scratch: Path) -> tuple[str, str, str]:
    """Its address, name and checksum, from package lists of our own."""
    options = debian.lists(_PLACES, scratch, "Label: Debian")
    told = fetch(["apt-get", *options, "source", "--print-uris", package], scratch)
    if found := _TARBALL.search(told):
        return found[1], found[2], found[3]
    raise SuiteError(f"Debian has no sources of {package}")
