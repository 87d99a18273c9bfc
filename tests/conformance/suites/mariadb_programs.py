"""MariaDB's own programs on MariaDB, as MySQL's are on MySQL: another library, other abilities."""

from tests.conformance.suites.mysql_programs import DUMP, MysqlPrograms
from tests.servers.debian import Debian
from tests.servers.mysql_flavours import sid_mariadb


class MariadbPrograms(MysqlPrograms):
    """The programs are those of the latest MariaDB, which insist on TLS."""

    name = "mariadb-programs"
    about = "MariaDB's own client, dump, import, check and load programs"
    server = "latest_mariadb"
    dump_options = DUMP

    def programs(self) -> Debian:
        return sid_mariadb()

    def named(self, program: str) -> str:
        return f"mariadb-{program}" if program else "mariadb"


SUITE = MariadbPrograms()
