"""A token for Vault, obtained once for all who read, and renewed before it ends.

Renewing happens when a token is asked for and two thirds of its time are over; one that cannot live
any longer is obtained anew. Where tokens come from is in `vault_identity`.
"""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from providers.deadline import Deadline
from providers.errors import ProviderUnavailable
from providers.vault_answers import VaultAnswer, seconds_of
from providers.vault_client import VaultClient

_RENEW_AT = 2 / 3  # of a token's time, so that a read which begins before also ends in time
_ROUNDING = 1.0  # second


@dataclass(frozen=True, slots=True)
class Grant:
    """A token and its time."""

    token: str = field(repr=False)
    since: float  # on the monotonic clock
    seconds: float
    renewable: bool

    @property
    def left(self) -> float:
        return self.since + self.seconds - time.monotonic()

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() - self.since < self.seconds * _RENEW_AT


NO_GRANT = Grant("", 0.0, 0.0, False)


class VaultLogin(ABC):
    """One identity, shared by every thread."""

    def __init__(self, client: VaultClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._grant = NO_GRANT

    def token(self, deadline: Deadline) -> str:
        """A token that Vault should accept."""
        grant = self._grant
        if grant.is_fresh:
            return grant.token
        with self._turn(deadline):
            if not self._grant.is_fresh:
                self._grant = self._renewed(deadline) or self._obtained(deadline)
            return self._grant.token

    @property
    def seconds_left(self) -> float:
        """What is made with the token ends with it at the latest: in so many seconds."""
        return self._grant.left

    @abstractmethod
    def replaces(self, refused: str, deadline: Deadline) -> bool:
        """Whether `token()` now gives another one than the one that Vault refused."""

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def _obtained(self, deadline: Deadline) -> Grant: ...

    def _renewed(self, deadline: Deadline) -> Grant | None:
        """None where it may not be renewed, or lives no longer for it."""
        held, asked = self._grant, time.monotonic()
        if not held.renewable:
            return None
        answer = self._client.request("post", "auth/token/renew-self", deadline, token=held.token)
        auth = auth_of(answer)
        seconds = seconds_of(auth.get("lease_duration"))
        # Whole seconds, rounded, are what Vault tells; a refusal tells none.
        if asked + seconds < held.since + held.seconds + _ROUNDING:
            return None
        return Grant(held.token, asked, seconds, auth.get("renewable") is True)

    @contextmanager
    def _turn(self, deadline: Deadline) -> Iterator[None]:
        if not self._lock.acquire(timeout=deadline.left):
            raise ProviderUnavailable(
                f"the login at Vault at {self._client.address} did not come about in time"
            )
        try:
            yield
        finally:
            self._lock.release()


def auth_of(answer: VaultAnswer) -> Mapping[str, object]:
    """What an answer tells of a token; nothing where it is a refusal."""
    auth = answer.body.get("auth")
    return auth if answer.status == 200 and isinstance(auth, dict) else {}
