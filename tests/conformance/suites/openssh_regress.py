"""OpenSSH's own regression tests, of all that passes between a client and a server.

Left out are those of what stands on one side only: of the programs for keys, agents and known
hosts, of files of configuration, and of how sshd starts. And those of how sshd lets its clients in,
and of its host keys: through Keyless the role's key does, and the host key is Keyless's.

Of the rest `login-timeout` needs a telnet, `sftp-perm` an sftp-server of its own on the client's
side, and two begin with what Keyless does not have, and are about the client: `dhgex` with the
cipher 3des-cbc, and `integrity` with a MAC for each byte that it spoils.
"""

from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

from tests.conformance import debian, openssh_regress
from tests.conformance.explained import Explanation
from tests.conformance.programs import fetch, need
from tests.conformance.suite import Results, Suite
from tests.conformance.target import Target

_SCRIPTS = (
    *("connect", "proxy-connect", "connect-privsep", "connect-uri", "exit-status"),
    *("exit-status-signal", "envpass", "transfer", "banner", "rekey", "stderr-data"),
    *("stderr-after-eof", "broken-pipe", "try-ciphers", "yes-head", "scp", "scp3", "scp-uri"),
    *("sftp", "sftp-chroot", "sftp-cmds", "sftp-badcmds", "sftp-batch", "sftp-glob", "sftp-uri"),
    *("dynamic-forward", "forwarding", "forward-control", "multiplex", "localcommand"),
    *("forcecommand", "portnum", "kextype", "host-expand", "channel-timeout"),
    *("connection-timeout",),
)

_ADDRESS = "Keyless comes by TCP, so the server knows an address, and the one on a pipe knows none."
_BANNER = "Keyless hands on the first 8 KiB of a banner."
_OTHER_WORDS = (
    "It asks its server's own port for that server's words on what is no SSH. Through Keyless the "
    "port is Keyless's, which says it in others."
)
_OWN_KEYS = (
    "It counts the client's new keys where the server wants some. Each side of Keyless has keys of "
    "its own, and the server's new ones are Keyless's affair."
)
_CIPHERS = "Keyless has no ciphers in CBC mode, and no MACs by MD5 or UMAC, or of 96 bits."
_EXCHANGES = "Keyless has no key exchange by sntrup761, and none by SHA-1 but that of group14."


class OpensshRegress(Suite):
    """Of the client that is installed, with its own server."""

    name = "openssh-regress"
    about = "OpenSSH's own regression tests, by its client and server"
    kind = "ssh"
    seconds = 1800
    options = MappingProxyType(
        {
            "accept_env": ["*"],
            "forward_local": ["*:*", "unix:*"],
            "forward_remote": ["*:*", "unix:*"],
        }
    )
    scripts: Sequence[str] = _SCRIPTS
    explained = (
        *(Explanation(f"proxy-connect{step}", _ADDRESS) for step in ("", ": plain username *")),
        *(Explanation(f"banner{step}", _BANNER) for step in ("", ": *: size 10000*")),
        *(Explanation(f"multiplex{step}", _OTHER_WORDS) for step in ("", ": * (UNIX)")),
        *(Explanation(f"rekey{step}", _OWN_KEYS) for step in ("", ": server rekeylimit *")),
        Explanation("try-ciphers", _CIPHERS),
        *(
            Explanation(f"try-ciphers: *{word}*", _CIPHERS)
            for word in ("-cbc mac ", "mac hmac-sha1-96", "mac hmac-md5", "mac umac-")
        ),
        Explanation("kextype", _EXCHANGES),
        *(
            Explanation(f"kextype: kex {name}", _EXCHANGES)
            for name in ("*-group1-sha1", "*-group-exchange-sha1", "sntrup761*")
        ),
    )

    def prepare(self, cache: Path) -> str:
        need("dpkg-query")
        ask = ["dpkg-query", "--show", "--showformat=${Version}", "openssh-client"]
        version = fetch(ask, cache)
        unpacked = debian.package("openssh-tests", cache, version)
        self._folder = unpacked / "usr/lib/openssh/regress"
        return version

    def run(self, target: Target, folder: Path) -> Results:
        return openssh_regress.run(self._folder, self.scripts, target, folder, self.seconds)


SUITE = OpensshRegress()
