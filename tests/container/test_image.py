"""What the image promises, seen from outside."""

import subprocess
import time

from tests.container.conftest import Container
from tests.container.engine import BASE, Engine

_MEGABYTE = 1_000_000
_BOUND = 150 * _MEGABYTE  # above Debian: Python, and what Keyless installs


def _psql(port: int, statement: str) -> str:
    command = ["psql", "--no-psqlrc", "--no-password", "--tuples-only", "--no-align"]
    target = f"host=127.0.0.1 port={port} user=nobody connect_timeout=10"
    return subprocess.run(
        [*command, target, "--command", statement],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "PGPASSFILE": "/dev/null"},
        stdout=subprocess.PIPE,
        text=True,
        timeout=30,
        check=True,
    ).stdout.strip()


def test_psql_gets_in_without_a_password(container: Container) -> None:
    assert _psql(container.port, "SELECT current_user, 6 * 7") == "scram_user|42"
    assert '"session.start"' in container.logs()


def test_it_is_not_root_and_can_do_nothing_that_root_can(container: Container) -> None:
    status = container.execute("cat", "/proc/1/status")
    states = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert set(states["Uid"].split()) == set(states["Gid"].split()) == {"65532"}
    assert int(states["CapEff"], 16) == int(states["CapBnd"], 16) == 0
    assert states["NoNewPrivs"] == "1"


def test_the_image_itself_says_so(containers: Engine, image: str) -> None:
    user = containers("image", "inspect", "--format={{.Config.User}}", image)
    assert user.strip() == "65532:65532"


def test_sigterm_ends_it_soon(container: Container) -> None:
    before = time.monotonic()
    container.engine("stop", "--time=10", container.identity)
    state = container.engine("inspect", "--format={{.State.ExitCode}}", container.identity)
    assert (state.strip(), time.monotonic() - before < 5) == ("0", True)


def test_the_image_is_small(containers: Engine, image: str) -> None:
    assert containers.size(image) - containers.size(BASE) < _BOUND


def test_what_builds_keyless_is_not_in_the_image(container: Container) -> None:
    packages = container.execute("ls", "/opt/keyless/lib/python3.11/site-packages").split()
    assert "proxy" in packages
    assert not {"pip", "setuptools", "hatchling"} & set(packages)
