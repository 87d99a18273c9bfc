"""What can go wrong when a secret is read.

The texts are the operator's: no client sees them, and no text holds a value.
"""

from collections.abc import Sequence


class ProviderError(Exception):
    """A secret could not be read. `str()` says what happened and what to do."""

    retryable = False


class ProviderUnavailable(ProviderError):
    """The provider did not answer, or answered that it cannot now: another try may work."""

    retryable = True


class ProviderMisconfigured(ProviderError):
    """A setting in the proxy's environment is missing or wrong."""


class AccessDenied(ProviderError):
    """The provider knows us and does not let us read this, or does not know us."""


class SecretNotFound(ProviderError):
    """There is no such secret, or no such version of it."""


class SecretUnreadable(ProviderError):
    """The secret is there, and is not what a reference can use: binary, not JSON, too large."""


class KeyNotFound(ProviderError):
    """The secret is there and has no such key."""

    def __init__(self, key: str | None, existing: Sequence[str]) -> None:
        self.key = key
        self.existing = tuple(existing)
        keys = ", ".join(existing) or "none"
        super().__init__(
            f"the secret has no key {key!r}; its keys are: {keys}"
            if key is not None
            else f"the secret has several keys, so the reference must name one of them: {keys}"
        )
