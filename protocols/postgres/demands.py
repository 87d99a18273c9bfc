"""What a role may demand of its upstream, by libpq's names."""

from enum import Enum

METHODS = ("scram-sha-256", "md5", "password", "none", "cert")


class ChannelBinding(Enum):
    """Whether a login must be bound to the TLS connection that it is made over."""

    DISABLE = "disable"
    PREFER = "prefer"
    REQUIRE = "require"


class TargetSession(Enum):
    """What a host must be to be taken, of several."""

    ANY = "any"
    READ_WRITE = "read-write"
    READ_ONLY = "read-only"
    PRIMARY = "primary"
    STANDBY = "standby"
    PREFER_STANDBY = "prefer-standby"

    @property
    def rounds(self) -> "tuple[TargetSession, ...]":
        """What the hosts are asked to be, one round after the other."""
        if self is TargetSession.PREFER_STANDBY:
            return TargetSession.STANDBY, TargetSession.ANY
        return (self,)
