"""MySQL's client/server protocol, version 10, as MySQL and MariaDB speak it."""

from protocols.api import WireProtocol
from protocols.mysql.client import mysql, probe
from protocols.mysql.compressed_gate import gate
from protocols.mysql.handshake import handshake
from protocols.mysql.log_in import try_login
from protocols.mysql.login import (
    VARIABLES,
    MysqlOptions,
    check_environment,
    make_login,
    socket_path,
)
from protocols.mysql.tap import MysqlTap

MYSQL = WireProtocol(
    kind="mysql",
    speaks_first=True,
    variables=VARIABLES,
    options=MysqlOptions,
    socket_path=socket_path,
    check_environment=check_environment,
    login=make_login,
    handshake=handshake,
    try_login=try_login,
    cancel=None,
    probe=probe,
    tap=MysqlTap,
    gate=gate,
    client=mysql,
)
