"""MySQL's own main suite, as far as it fits: see tests/conformance/mysqltest.py."""

from pathlib import Path
from types import MappingProxyType

from tests.conformance import mysqltest
from tests.conformance.mysql_target import execute, without_password
from tests.conformance.suite import Results, Suite
from tests.conformance.target import Target
from tests.servers.debian import sid

_HOME = Path("/usr/lib/mysql-test")
_MTR = "CREATE DATABASE mtr", "CREATE PROCEDURE mtr.add_suppression(what varchar(255)) BEGIN END"


class MysqlTest(Suite):
    """Its results are those of a server with these settings."""

    name = "mysql-test"
    about = "MySQL's own suite, by its own program"
    kind = "mysql"
    server = "mysql"
    seconds = 3600
    settings = MappingProxyType(
        {
            "default-time-zone": "+03:00",
            "explain-format": "TRADITIONAL_STRICT",
            "innodb-buffer-pool-size": "24M",
            "innodb-redo-log-capacity": "10M",
            "log-bin-trust-function-creators": "ON",
        }
    )

    def prepare(self, cache: Path) -> str:
        debian = sid("mysql-testsuite")
        program = str(_HOME / "bin/mysqltest")
        self._scripts = mysqltest.Scripts(debian, program, _HOME, "t", "r")
        return self._scripts.version()

    def run(self, target: Target, folder: Path) -> Results:
        target = without_password(target)
        execute(target, *_MTR)
        return mysqltest.run(self._scripts, target, folder)


SUITE = MysqlTest()
