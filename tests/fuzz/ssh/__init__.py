"""What of SSH is fuzzed, and with which recorded conversations: all that is ours of the connection
protocol and of SFTP. What is below is asyncssh's."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from protocols.ssh.encoding import string
from tests.fuzz.conversation import read_all
from tests.fuzz.ssh import casts, channels, flood, messages, policy, sftp, unaudited
from tests.fuzz.ssh.framing import SESSION
from tests.fuzz.ssh.made import floods, rare
from tests.fuzz.target import Target

_WORDS = (
    *(b"session", b"direct-tcpip", b"direct-streamlocal@openssh.com", b"forwarded-tcpip"),
    *(b"forwarded-streamlocal@openssh.com", b"auth-agent@openssh.com", b"x11", b"tun@openssh.com"),
    *(b"shell", b"exec", b"subsystem", b"sftp", b"netconf", b"pty-req", b"env", b"LANG"),
    *(b"auth-agent-req@openssh.com", b"x11-req", b"signal", b"keepalive@openssh.com"),
    *(b"tcpip-forward", b"cancel-tcpip-forward", b"streamlocal-forward@openssh.com"),
    *(b"hostkeys-00@openssh.com", b"echo hello", b"localhost", b"copy-data", b"exit-status"),
    *(b"posix-rename@openssh.com", b"limits@openssh.com"),
)
_TOKENS = (*map(string, _WORDS), *(bytes((kind,)) for kind in range(80, 101)))


def targets(corpus: Path) -> Sequence[Target]:
    recorded = read_all(corpus / "sessions")
    session = partial(Target, framing=SESSION, seeds=[*recorded, *rare()], tokens=_TOKENS)
    files = [*sftp.seeds(recorded), *sftp.made()]
    kinds = tuple(bytes((kind,)) for kind in (*range(1, 21), *range(101, 106), 200, 201))
    return [
        session(name="channels", check=channels.check, memory=4 << 20, share=4),
        session(name="policy", check=policy.check, memory=4 << 20, share=4),
        session(name="unaudited", check=unaudited.check, memory=4 << 20, share=2),
        session(name="flood", check=flood.check, seeds=floods(), memory=None, share=8),
        session(name="messages", check=messages.check, share=6),
        Target(
            name="sftp",
            check=sftp.check,
            framing=SESSION,
            seeds=files,
            tokens=(*_TOKENS, *kinds),
            memory=4 << 20,
            share=4,
        ),
        Target(name="casts", check=casts.check, framing=SESSION, seeds=recorded, share=1),
    ]
