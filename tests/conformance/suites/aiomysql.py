"""aiomysql's own tests, from its source distribution.

It is asyncio on top of PyMySQL's protocol: cursors of every kind, pools, LOCAL INFILE, TLS, and
SQLAlchemy's core.
"""

from pathlib import Path

from tests.conformance import programs, pytests
from tests.conformance.explained import Explanation
from tests.conformance.suite import Results, Suite
from tests.conformance.target import Target

_VERSION = "0.3.2"
_TOOLS = ("pymysql==1.1.2", "sqlalchemy<2", "uvloop", "cryptography", *pytests.REQUIREMENTS)


class Aiomysql(Suite):
    """Its tests make two databases of their own, over TLS."""

    name = "aiomysql"
    about = "the tests of a Python client that uses asyncio"
    kind = "mysql"
    server = "mysql"
    explained = (
        Explanation(
            "tests.test_issues::test_issue_792*",
            "It compares the words for a database that is not there. Keyless has its own, with the"
            " same error number.",
        ),
    )

    def prepare(self, cache: Path) -> str:
        requirement = f"aiomysql=={_VERSION}"
        self._python = programs.virtual_environment(cache / "python", requirement, *_TOOLS)
        self._tests = programs.source_distribution(requirement, cache) / "tests"
        return _VERSION

    def run(self, target: Target, folder: Path) -> Results:
        address = f"--mysql-address=server={target.host}:{target.port}"
        return pytests.run(
            *(self._python, address, str(self._tests)),
            folder=self._tests.parent,
            logs=folder,
            environment=programs.environment({"MYSQL_ROOT_PASSWORD": target.password or ""}),
            seconds=self.seconds,
        )


SUITE = Aiomysql()
