"""What a listener leads to: one role, or all roles of a kind, of which each client names one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from protocols.api import Endpoint, Kind, Wish
from protocols.errors import Reason, Refusal
from proxy import registry
from proxy.config import Config, Role

_SAID = 63  # characters: no role's name is longer


@dataclass(frozen=True, slots=True)
class Door:
    """One listener's. Behind a `shared` one, the client's user name is a role's name."""

    protocol: Kind
    roles: Mapping[str, Role]
    shared: bool

    @classmethod
    def to(cls, role: Role) -> "Door":
        """A role's own."""
        return cls(role.protocol, {role.name: role}, shared=False)

    @property
    def only(self) -> Role | None:
        """The role behind it, where nobody needs to name one."""
        return None if self.shared else next(iter(self.roles.values()))

    def choose(self, wish: Wish) -> Role:
        """The role that the client names. Raises Refusal where there is none of that name."""
        if self.only is not None:
            return self.only
        named = wish.user or ""
        if named not in self.roles:
            raise unknown(named, detail="no role of this kind has that name")
        return self.roles[named]


def doors(config: Config) -> Iterator[tuple[Door, Endpoint]]:
    """Every listener of the file, always in the same order, and where it is."""
    for role in config.roles.values():
        if role.listen is not None:
            yield Door.to(role), role.listen
    for kind, endpoint in config.listen.items():
        protocol = registry.protocols()[kind]
        behind = {name: role for name, role in config.roles.items() if role.protocol is protocol}
        yield Door(protocol, behind, shared=True), endpoint


def unknown(role: str, *, detail: str) -> Refusal:
    """Also what a client is told that may not use the role."""
    return Refusal(Reason.UNKNOWN_ROLE, f'role "{role[:_SAID]}" does not exist', detail=detail)
