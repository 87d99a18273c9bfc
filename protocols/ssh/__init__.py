"""SSH, version 2. asyncssh does the wire; this folder carries the sessions between its two ends."""

# isort: off
from protocols.ssh import seclusion  # noqa: F401

# isort: on
from protocols.carried import CarriedProtocol
from protocols.ssh.client import probe, ssh
from protocols.ssh.let_in import let_in
from protocols.ssh.log_in import try_login
from protocols.ssh.login import VARIABLES, check_environment, make_login, socket_path
from protocols.ssh.options import SshOptions

SSH = CarriedProtocol(
    kind="ssh",
    variables=VARIABLES,
    options=SshOptions,
    socket_path=socket_path,
    check_environment=check_environment,
    login=make_login,
    client=ssh,
    let_in=let_in,
    try_login=try_login,
    probe=probe,
)
