"""Builds and runs images: with Docker where it answers, else with podman, without a registry.

Podman's images are kept in a store of the tests' own, so nobody's are touched. Its base is a Debian
made by debootstrap, under the name that the Dockerfile asks for.
"""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

BASE = "docker.io/library/debian:bookworm-slim"
_ROOT = Path(__file__).parents[2]
_PIP_SETTINGS = Path("/etc/xdg/pip")
_CONTAINERS_CONF = """
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
"""


class EngineError(Exception):
    """An engine is not there or failed; the text says what to do or what it said."""


class Engine:
    """Docker, and all in which podman's command line is the same."""

    def __init__(self, *command: str, environment: Mapping[str, str] = os.environ) -> None:
        self._command = command
        self._environment = environment

    def __call__(self, *arguments: str | Path, standard_input: str = "") -> str:
        return self._run(*self._command, *arguments, standard_input=standard_input).stdout

    def logs(self, container: str) -> str:
        told = self._run(*self._command, "logs", container)
        return told.stdout + told.stderr

    def pull_base(self) -> None:
        self("pull", "--quiet", BASE)

    def build(self, directory: Path) -> str:
        """Build the Dockerfile; the image's ID. `directory` is for what is needed meanwhile."""
        identity = directory / "image"
        self._build("--iidfile", identity, _ROOT, directory=directory)
        return identity.read_text().strip()

    def size(self, image: str) -> int:
        return int(self("image", "inspect", "--format", "{{.Size}}", image))

    def _build(self, *arguments: str | Path, directory: Path) -> None:
        self("build", *arguments)

    def _run(
        self, *command: str | Path, standard_input: str = ""
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            input=standard_input,
            env=self._environment,
            cwd=_ROOT,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode:
            last_words = "\n".join(done.stderr.splitlines()[-20:])
            raise EngineError(f"{command[0]} ended with {done.returncode}:\n{last_words}")
        return done


class Podman(Engine):
    """Podman and buildah as root, also where they run in a container or a chroot themselves."""

    def __init__(self, store: Path) -> None:
        store.mkdir(parents=True, exist_ok=True)
        settings = store / "containers.conf"
        settings.write_text(_CONTAINERS_CONF)
        # What only holds until the machine is started again is in /run.
        self._options = (f"--root={store / 'images'}", "--runroot=/run/keyless-tests")
        super().__init__(
            *("podman", *self._options, "--tmpdir=/run/keyless-tests/tmp"),
            environment=os.environ | {"CONTAINERS_CONF": str(settings)},
        )

    def pull_base(self) -> None:
        if not self("images", "--quiet", BASE):
            tarball = self._run("scripts/debian-root.sh").stdout.strip()
            self("import", tarball, BASE)

    def _build(self, *arguments: str | Path, directory: Path) -> None:
        pip = _pip_settings(directory / "pip")
        options = ("--isolation=chroot", "--layers", "--pull-never")
        volume = f"--volume={pip}:{_PIP_SETTINGS}:ro"
        self._run("buildah", *self._options, "build", *options, volume, *arguments)
        self("image", "prune", "--force", "--filter=until=240h")


def find() -> Engine:
    """The engine of this machine. Raises EngineError."""
    if _docker_answers():
        return Engine("docker")
    needed = ("podman", "buildah", "runc", "debootstrap")
    if os.geteuid() or not all(map(shutil.which, needed)):
        raise EngineError(
            "There is nothing to run containers with: "
            f"start Docker, or run as root with {', '.join(needed)} installed."
        )
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "keyless"
    return Podman(Path(os.environ.get("KEYLESS_CACHE") or default) / "containers")


def _docker_answers() -> bool:
    if not shutil.which("docker"):
        return False
    return not subprocess.run(["docker", "info"], capture_output=True, check=False).returncode


def _pip_settings(directory: Path) -> Path:
    """This machine's way to its package registry, for a build that is to keep none of it."""
    settings: dict[str, str] = {}
    told = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    for line in told.stdout.splitlines():  # the environment's come first, and count
        place, _, value = line.partition("=")
        settings.setdefault(place.rpartition(".")[2], ast.literal_eval(value))
    settings.pop("find-links", None)  # this machine's own directories
    directory.mkdir()
    if certificates := settings.get("cert"):
        shutil.copy(certificates, directory / "certificates.pem")
        settings["cert"] = str(_PIP_SETTINGS / "certificates.pem")
    lines = (f"{name} = {value}\n" for name, value in settings.items())
    (directory / "pip.conf").write_text("[global]\n" + "".join(lines))
    return directory
