"""One session's wish for a spare."""

from collections.abc import Mapping

from proxy.driver import LoggedIn
from proxy.spares.role import Order, RoleSpares


class Request:
    """`facts` tell the audit of the session which one it got."""

    def __init__(self, role: RoleSpares, order: Order, startup: bytes) -> None:
        self._role = role
        self._order = order
        self._shelf = role.shelf(order, startup)
        self.facts: Mapping[str, str] = {}

    def take(self) -> LoggedIn | None:
        """The one that has waited longest, of those that are fit."""
        while self._shelf.spares:
            spare = self._shelf.spares.popleft()
            if (logged_in := spare.take()) is not None:
                self.facts = {"spare": spare.id}
                return logged_in
        return None

    def served(self) -> None:
        """The session is in."""
        self._role.served(self._order, self._shelf, by_spare=bool(self.facts))
