"""What a role allows, drawn by a conversation's dice; with dice of 0, all that there is.

What a closed role allows beside nothing is said without patterns, so that a second and simpler
reading of it is a comparison.
"""

from protocols.ssh.options import SshOptions

COMMAND, SUBSYSTEM, VARIABLE = "echo hello", "netconf", "LANG"
TARGET, LISTENER = "localhost:80", "localhost:8080"
_CLOSED = 1
OPEN = SshOptions(
    subsystems=(SUBSYSTEM,),
    accept_env=("*",),
    forward_local=("*",),
    forward_remote=("*",),
    forward_agent=True,
    forward_x11=True,
    record_shell="input",
    record_exec=True,
    audit_lookups=True,
)


def options(dice: int) -> SshOptions:
    return closed(dice) if dice & _CLOSED else OPEN


def closed(dice: int) -> SshOptions:
    """One that has a wildcard nowhere."""
    reads = bool(dice & 2)
    return SshOptions(
        shell=not reads and bool(dice & 4),
        exec=(COMMAND,),
        sftp="read-only" if reads else "off",
        subsystems=(SUBSYSTEM,) if dice & 8 else (),
        accept_env=(VARIABLE,),
        forward_local=(TARGET,),
        forward_remote=(LISTENER,),
        forward_agent=bool(dice & 16),
        forward_x11=bool(dice & 32),
        record_shell="off" if dice & 64 else "output",
    )
