"""asyncpg's own tests, from its source distribution.

asyncpg speaks the protocol itself: prepared statements for everything, binary values, pipelines,
COPY, cursors, LISTEN and cancel requests. Against a server that it did not start itself, it skips
the tests that need another configuration of the server.
"""

from pathlib import Path

from tests.conformance import programs, pytests
from tests.conformance.explained import Explanation
from tests.conformance.suite import Results, Suite
from tests.conformance.target import Target

_VERSION = "0.32.0"
_TOOLS = ("distro", "uvloop", *pytests.REQUIREMENTS)


class Asyncpg(Suite):
    """Its tests use whatever server libpq's variables point at."""

    name = "asyncpg"
    about = "the tests of a Python client that speaks the protocol itself"
    seconds = 900
    explained = (
        Explanation(
            "tests.test_execute.TestExecuteMany::test_executemany_server_failure_during_writes",
            "It wants an error back before it has sent 4 MB. That fails at times directly too, and"
            " more often through any proxy, HAProxy as well, for its sockets take some of them.",
        ),
        Explanation(
            "tests.test_pool.TestPool::test_pool_config_persistence",
            "On a busy machine asyncpg forgets a future, directly too, and this test is blamed.",
        ),
    )

    def prepare(self, cache: Path) -> str:
        requirement = f"asyncpg=={_VERSION}"
        self._python = programs.virtual_environment(cache / "python", requirement, *_TOOLS)
        # Without the package beside them, which is not built: the installed one is tested.
        self._tests = programs.source_distribution(requirement, cache) / "tests"
        return _VERSION

    def run(self, target: Target, folder: Path) -> Results:
        return pytests.run(
            *(self._python, "--import-mode=importlib", str(self._tests)),
            folder=folder,
            logs=folder,
            environment=programs.environment(target.libpq()),
            seconds=self.seconds,
        )


SUITE = Asyncpg()
