"""What is said in a name of RDS: who logs in where (`DB_USER@HOST:PORT`), and a host's region."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Self

_ACCOUNT = re.compile(
    r"(?P<user>.+)@(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5})", re.DOTALL
)
_HOST = re.compile(r"[A-Za-z0-9._-]+")
_REGION = r"([a-z]+(?:-[a-z]+)+-[0-9]+)"
# Which comes first, the service or the region, differs between partitions, and in China by age.
_ENDPOINT = re.compile(
    rf".+\.(?:{_REGION}\.rds(?:-fips)?|rds(?:-fips)?\.{_REGION})"
    r"\.(?:amazonaws\.(?:com|com\.cn|eu)|c2s\.ic\.gov|sc2s\.sgov\.gov)"
)


@dataclass(frozen=True, slots=True)
class RdsAccount:
    """A database user at an endpoint. A token is made for exactly this."""

    user: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.user}@{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """None where `text` is something else, such as a user's name alone."""
        match = _ACCOUNT.fullmatch(text)
        return cls(match["user"], match["host"], int(match["port"])) if match else None

    @property
    def region(self) -> str | None:
        """What the host says of it: an endpoint of RDS, Aurora or RDS Proxy does, others do not."""
        match = _ENDPOINT.fullmatch(self.host)
        return (match[1] or match[2]) if match else None


def host_of(text: str) -> str | None:
    """A host as RDS signs it: in small letters, an IPv6 address in brackets. None: it is none."""
    if _HOST.fullmatch(text):
        return text.lower().removesuffix(".")
    try:
        return f"[{ipaddress.IPv6Address(text.strip('[]'))}]"
    except ValueError:
        return None
