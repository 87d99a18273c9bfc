"""The tests of Go's MySQL driver again, on MariaDB: extended capabilities, and other plugins."""

from types import MappingProxyType

from tests.conformance.suites.go_sql_driver import GoSqlDriver


class GoSqlDriverMariadb(GoSqlDriver):
    """The same on another server, which keeps connection attributes only on demand."""

    name = "go-sql-driver-mariadb"
    server = "latest_mariadb"
    settings = MappingProxyType({"performance-schema": "ON"})


SUITE = GoSqlDriverMariadb()
