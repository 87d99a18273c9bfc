"""What a role of kind ssh may say beside its environment: what its sessions may do.

Patterns are shell-style: `*` stands for anything and `?` for one character. A role is open where
people work, in shells, commands and files, and closed where a session leads elsewhere.
"""

from dataclasses import dataclass
from typing import Literal

_NOT_READ_ONLY = (
    'sftp = "read-only" keeps nobody from changing files by a shell or a command; write shell = '
    "false and exec = [] (or the commands that may be run), or leave sftp out"
)
_ENVIRONMENT = ("LANG", "LC_*", "COLORTERM", "NO_COLOR", "GIT_PROTOCOL")


@dataclass(frozen=True, slots=True)
class SshOptions:
    """What a role of this kind may say beside its environment.

    Shells, commands and SFTP are three doors to one account: a role that only closes some of them
    keeps nobody out. So `sftp = "read-only"` goes with `shell = false` and an `exec` that names its
    commands, if any, and means something as far as these write nothing.
    """

    shell: bool = True
    """Whether clients may have a shell."""
    exec: tuple[str, ...] = ("*",)
    """Commands that clients may run; "*" stands for any, and the empty list for none.

    In a pattern that is more than "*", a wildcard stands for no character by which a shell would
    end the command, begin another or quote. The old scp is two commands, "scp -t *" to the server
    and "scp -f *" from it, where the new one speaks SFTP. rsync is "rsync --server *", and git is
    "git-upload-pack '*'" and "git-receive-pack '*'".
    """
    sftp: Literal["read-write", "read-only", "off"] = "read-write"
    """Whether clients may have SFTP, and whether they may change anything by it."""
    subsystems: tuple[str, ...] = ()
    """Other subsystems than sftp that clients may have, such as "netconf"."""
    accept_env: tuple[str, ...] = _ENVIRONMENT
    """Names of variables that clients may set; others are dropped. A server has its own list."""
    forward_local: tuple[str, ...] = ()
    """Where `ssh -L`, `-D`, `-W` and `-J` may connect from the server: "HOST:PORT" as the client
    writes it, or "unix:PATH". What goes through is not recorded, so a pattern that reaches the
    server's own sshd lets sessions by unseen."""
    forward_remote: tuple[str, ...] = ()
    """Where `ssh -R` may listen on the server: "HOST:PORT", or "unix:PATH"."""
    forward_agent: bool = False
    """Whether the server may use the client's SSH agent."""
    forward_x11: bool = False
    """Whether programs on the server may open windows on the client's screen."""
    record_shell: Literal["output", "input", "off"] = "output"
    """What is recorded of shells, and of commands that run in a terminal: what the server wrote,
    or what the client typed as well, in which there are passwords."""
    record_exec: bool = False
    """Whether what commands write that run in no terminal is recorded, the first MiB of it. What
    rsync, scp and git carry never is."""
    audit_lookups: bool = False
    """Whether SFTP requests are audited that only look: stat, realpath, readlink and such."""
    trust_on_first_use: bool = False
    """Whether a host key that is seen for the first time is believed, and remembered in the file
    that KNOWN_HOSTS names."""

    def __post_init__(self) -> None:
        if self.sftp == "read-only" and (self.shell or "*" in self.exec):
            raise ValueError(_NOT_READ_ONLY)
