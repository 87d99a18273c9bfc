"""PostgreSQL's frontend/backend protocol, versions 3.0 and 3.2."""

from protocols.api import WireProtocol
from protocols.postgres.cancel import send_cancel
from protocols.postgres.client import probe, psql
from protocols.postgres.gate import make_gate
from protocols.postgres.handshake import handshake
from protocols.postgres.log_in import try_login
from protocols.postgres.login import (
    VARIABLES,
    PostgresOptions,
    check_environment,
    make_login,
    socket_path,
)
from protocols.postgres.tap import PostgresTap

POSTGRES = WireProtocol(
    kind="postgres",
    variables=VARIABLES,
    options=PostgresOptions,
    socket_path=socket_path,
    check_environment=check_environment,
    login=make_login,
    handshake=handshake,
    try_login=try_login,
    cancel=send_cancel,
    probe=probe,
    tap=PostgresTap,
    gate=make_gate,
    client=psql,
    logs_in_ahead=lambda options: options.spares > 0,
)
