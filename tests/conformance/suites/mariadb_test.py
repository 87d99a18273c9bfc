"""MariaDB's own main suite, as far as it fits: see tests/conformance/mysqltest.py."""

from pathlib import Path
from types import MappingProxyType

from tests.conformance import mysqltest
from tests.conformance.mysql_target import execute, without_password
from tests.conformance.suite import Results, Suite
from tests.conformance.target import Target
from tests.servers.debian import sid

_HOME = Path("/usr/share/mariadb/mariadb-test")
_MTR = "CREATE DATABASE mtr", "CREATE PROCEDURE mtr.add_suppression(what varchar(255)) BEGIN END"


class MariadbTest(Suite):
    """Its results are those of a server with these settings."""

    name = "mariadb-test"
    about = "MariaDB's own suite, by its own program"
    kind = "mysql"
    server = "latest_mariadb"
    seconds = 3600
    settings = MappingProxyType(
        {
            "collation-server": "utf8mb4_uca1400_ai_ci",
            "default-storage-engine": "myisam",
            "default-time-zone": "+03:00",
            "histogram-type": "json_hb",
            "key-buffer-size": "1M",
            "log-bin-trust-function-creators": "ON",
            "max-heap-table-size": "1M",
            "sort-buffer-size": "256K",
            "use-stat-tables": "preferably",
        }
    )

    def prepare(self, cache: Path) -> str:
        debian = sid("mariadb-test", "perl-openssl-defaults")
        self._scripts = mysqltest.Scripts(debian, "mariadb-test", _HOME, "main", "main")
        return self._scripts.version()

    def run(self, target: Target, folder: Path) -> Results:
        target = without_password(target)
        execute(target, *_MTR)
        return mysqltest.run(self._scripts, target, folder)


SUITE = MariadbTest()
