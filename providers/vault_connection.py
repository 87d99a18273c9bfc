"""A Vault server and our login there: one for all providers of a process with the same settings.

It is made at the first read and ends with its last user. It knows nothing of engines.
"""

import threading
from collections.abc import Mapping
from typing import Any
from weakref import WeakValueDictionary

from providers.deadline import Deadline
from providers.vault_answers import VaultAnswer
from providers.vault_client import VaultClient
from providers.vault_identity import login_from

_Settings = frozenset[tuple[str, str]]


class VaultConnection:
    """Asks Vault as whom the settings say."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.client = VaultClient(environ)
        self.login = login_from(environ, self.client)
        self._users = 0

    @classmethod
    def shared(cls, environ: Mapping[str, str]) -> "VaultConnection":
        """The one with these settings; whoever has it must `leave()` it."""
        settings = frozenset(item for item in environ.items() if item[0].startswith("VAULT_"))
        with _lock:
            connection = _shared.get(settings)
            if connection is None or not connection._users:
                _shared[settings] = connection = cls(environ)
            connection._users += 1
            return connection

    def leave(self) -> None:
        with _lock:
            self._users -= 1
            if self._users:
                return
        self.login.close()
        self.client.close()

    def ask(self, method: str, path: str, deadline: Deadline, **parts: Any) -> VaultAnswer:
        """Vault's answer about `path`, asked a second time where the token alone was at fault."""
        token = self.login.token(deadline)
        answer = self.client.request(method, path, deadline, token=token, **parts)
        if answer.status == 403 and self.login.replaces(token, deadline):
            token = self.login.token(deadline)
            answer = self.client.request(method, path, deadline, token=token, **parts)
        return answer


_lock = threading.Lock()
# Weak, so that a connection that nobody left goes with the last who had it.
_shared: WeakValueDictionary[_Settings, VaultConnection] = WeakValueDictionary()
