"""Which host keys upstream may have: those that the role knows, in the form of known_hosts.

Nothing is taken from the operator's own files, and nothing is believed at first sight unless the
role says so; what is believed then is remembered in the file that the role names.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from asyncssh import SSHKey, SSHKnownHosts, import_known_hosts

from protocols.api import TcpEndpoint

_KEY = re.compile(r"(ssh|ecdsa|sk-ssh|sk-ecdsa)-[\w@.-]+ AAAA")
_SSH = 22


@dataclass(frozen=True, slots=True)
class HostKeys:
    """`file` is where a key is remembered that is seen for the first time; None: no such is
    taken."""

    known: SSHKnownHosts
    file: Path | None

    def take(self, endpoint: TcpEndpoint, address: str, key: SSHKey) -> bool:
        """Whether to believe in a key that is not among the known ones, and remember it. Raises
        OSError where it cannot be remembered."""
        if self.file is None or any(self._entries(endpoint, address)):
            return False
        port = endpoint.port
        name = endpoint.host if port == _SSH else f"[{endpoint.host}]:{port}"
        line = f"{name} {key.export_public_key('openssh').decode().strip()}\n"
        with self.file.open("a") as file:
            file.write(line)
        return True

    def _entries(self, endpoint: TcpEndpoint, address: str) -> tuple[object, ...]:
        port = None if endpoint.port == _SSH else endpoint.port
        return tuple(self.known.match(endpoint.host, address, port))


def host_keys(known_hosts: str, *, trust_on_first_use: bool) -> HostKeys:
    """What KNOWN_HOSTS says: lines of known_hosts, keys alone, or a path. Raises ValueError."""
    if _KEY.search(known_hosts):
        if trust_on_first_use:
            raise ValueError(
                "KNOWN_HOSTS has keys in it, and trust_on_first_use needs a file to write to; "
                "write its path"
            )
        return HostKeys(_parse(known_hosts), None)
    path = Path(known_hosts.strip())
    if trust_on_first_use and not path.exists():
        return HostKeys(_parse(""), path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ValueError(
            "KNOWN_HOSTS is neither a public key nor a file that can be read; write the key as "
            "`ssh-keyscan HOST` shows it"
        ) from None
    return HostKeys(_parse(text), path if trust_on_first_use else None)


def _parse(text: str) -> SSHKnownHosts:
    """A key alone is this role's host's, whatever that is called."""
    lines = (f"* {line}" if _KEY.match(line) else line for line in map(str.strip, text.split("\n")))
    try:
        return import_known_hosts("\n".join(lines))
    except ValueError:
        raise ValueError("KNOWN_HOSTS has a line that is none of known_hosts") from None
