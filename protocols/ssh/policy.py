"""What a role lets its clients do, and the sentence for what it does not.

Each question is answered with None where it may be, and else with the sentence that the client is
told. Patterns only ever allow: what a client writes in another way than the role does is refused.
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from protocols.ssh.encoding import text
from protocols.ssh.options import SshOptions

# What a shell does not take as part of a plain word, but for what only becomes more words.
_SHELL = frozenset(";&|<>()$`\\\"'#\n\r\0")
_NO_TARGET = "this role does not allow forwarding to {}"
_NO_LISTENER = "this role does not allow the server to listen on {} for the client"
NO_AGENT = "this role does not allow the server to use the client's SSH agent"
NO_X11 = "this role does not allow X11 forwarding"


class Policy:
    """Answers for one role."""

    def __init__(self, options: SshOptions) -> None:
        self._options = options

    @property
    def read_only(self) -> bool:
        """Whether SFTP may change nothing."""
        return self._options.sftp == "read-only"

    def shell(self) -> str | None:
        return None if self._options.shell else "this role does not allow shells"

    def command(self, command: bytes) -> str | None:
        words = text(command)
        if any(_covers(pattern, words) for pattern in self._options.exec):
            return None
        if not self._options.exec:
            return "this role does not allow commands"
        return "this role does not allow this command"

    def subsystem(self, name: bytes) -> str | None:
        if name == b"sftp":
            return None if self._options.sftp != "off" else "this role does not allow SFTP"
        allowed = text(name) in self._options.subsystems
        return None if allowed else "this role does not allow this subsystem"

    def variable(self, name: bytes) -> str | None:
        allowed = _any(self._options.accept_env, text(name))
        return None if allowed else "this role does not let clients set this variable"

    def connection(self, target: str) -> str | None:
        """To `target`, from the server."""
        return _unless(self._options.forward_local, target, _NO_TARGET)

    def listener(self, target: str) -> str | None:
        """On the server, for the client."""
        return _unless(self._options.forward_remote, target, _NO_LISTENER)

    def agent(self) -> str | None:
        return None if self._options.forward_agent else NO_AGENT

    def x11(self) -> str | None:
        return None if self._options.forward_x11 else NO_X11


def _covers(pattern: str, command: str) -> bool:
    """A character that a shell minds and the pattern does not spell out is a wildcard's."""
    if pattern == "*":
        return True
    return _matches(command, pattern) and _minded(command) == _minded(pattern)


def _minded(words: str) -> list[str]:
    return [character for character in words if character in _SHELL]


def _any(patterns: Iterable[str], name: str) -> bool:
    return any(_matches(name, pattern) for pattern in patterns)


def _matches(name: str, pattern: str) -> bool:
    """A bracket is a bracket, as around an IPv6 address or in a shell's test."""
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def _unless(patterns: Iterable[str], target: str, sentence: str) -> str | None:
    """Names of hosts are the same in every case; paths are not, and `..` leads out of a pattern."""
    kind, _, path = target.partition(":")
    if kind == "unix":
        allowed = ".." not in path.split("/") and _any(patterns, target)
    else:
        allowed = _any(map(str.lower, patterns), target.lower())
    return None if allowed else sentence.format(target)
