"""Source packages of Debian, from wherever this machine's own packages come from."""

import tempfile
from pathlib import Path

from tests.conformance.programs import fetch

_PLACES = "deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)"


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


def _download(package: str, scratch: Path) -> None:
    """With package lists of our own, so that the machine's are left as they are."""
    places = fetch(
        ["apt-get", "indextargets", f"--format={_PLACES}", "Created-By: Packages"], scratch
    )
    (scratch / "sources.list").write_text("".join(sorted(set(places.splitlines(keepends=True)))))
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
    fetch(["apt-get", *options, "source", "--download-only", package], scratch)
