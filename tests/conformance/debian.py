"""Packages of Debian and their sources, from wherever this machine's own packages come from."""

import tempfile
from pathlib import Path

from tests.conformance.programs import fetch

_SOURCES = "deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)"
_PACKAGES = "deb $(REPO_URI) $(RELEASE) $(COMPONENT)"
_ITS_OWN = ("Created-By: Packages",)


def source(package: str, cache: Path, version: str = "") -> Path:
    """A source package, the newest unless a version is named, unpacked and with Debian's patches;
    made once in `cache`, then kept."""
    folder = cache / package / (version or "newest")
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            _download(f"{package}={version}" if version else package, Path(scratch))
            (description,) = Path(scratch).glob("*.dsc")
            fetch(["dpkg-source", "--extract", description, "unpacked"], Path(scratch))
            (Path(scratch) / "unpacked").rename(folder)
    return folder


def package(name: str, cache: Path, version: str = "") -> Path:
    """The files of a package that is not installed, the newest unless a version is named; made
    once in `cache`, then kept."""
    folder = cache / name / (version or "newest")
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            options = lists(_PACKAGES, Path(scratch))
            wanted = f"{name}={version}" if version else name
            fetch(["apt-get", *options, "download", wanted], Path(scratch))
            (archive,) = Path(scratch).glob("*.deb")
            fetch(["dpkg-deb", "--extract", archive, "unpacked"], Path(scratch))
            (Path(scratch) / "unpacked").rename(folder)
    return folder


def lists(places: str, scratch: Path, *where: str) -> list[str]:
    """apt-get's options for package lists of our own, so that the machine's are left as they are.

    `places` are lines of a sources.list, for each of the machine's package lists that is `where`.
    """
    found = fetch(["apt-get", "indextargets", f"--format={places}", *_ITS_OWN, *where], scratch)
    (scratch / "sources.list").write_text("".join(sorted(set(found.splitlines(keepends=True)))))
    for needed in ("lists/partial", "archives/partial"):
        (scratch / needed).mkdir(parents=True)
    settings = {
        "Dir::Etc::SourceList": scratch / "sources.list",
        "Dir::Etc::SourceParts": "-",
        "Dir::State::Lists": scratch / "lists",
        "Dir::Cache": scratch,
        "APT::Sandbox::User": "",  # who would not get at our folder
    }
    options = [f"--option={name}={value}" for name, value in settings.items()]
    fetch(["apt-get", *options, "update"], scratch)
    return options


def _download(package: str, scratch: Path) -> None:
    options = lists(_SOURCES, scratch)
    fetch(["apt-get", *options, "source", "--download-only", package], scratch)
