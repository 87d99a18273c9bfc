"""Secrets in the proxy's own environment: `_envjson:VARIABLE:KEY` is a key of the JSON object that
the variable holds.

Which variables those are is known from the references alone, so `settings` cannot name them.
"""

from collections.abc import Mapping
from typing import ClassVar

from providers import json_secret
from providers.api import SecretVersion, Stage
from providers.errors import SecretNotFound, SecretUnreadable
from providers.reference import split_at_last_colon


class EnvJson:
    """Reads from memory: nothing to wait for and nothing to close."""

    name: ClassVar[str] = "envjson"
    settings: ClassVar[tuple[str, ...]] = ()
    stages: ClassVar[tuple[Stage, ...]] = ()
    makes_secrets: ClassVar[bool] = False
    immediate: ClassVar[bool] = True

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    @classmethod
    def split(cls, text: str) -> tuple[str, str | None]:
        return split_at_last_colon(text)

    def fetch(self, secret: str, timeout: float, stage: Stage = Stage.CURRENT) -> SecretVersion:
        text = self._environ.get(secret)
        if text is None:
            raise SecretNotFound(
                f"the environment variable {secret} is not set; set it to a JSON object where the "
                "proxy is started"
            )
        try:
            return SecretVersion(json_secret.keys_of(text))
        except SecretUnreadable as error:
            raise SecretUnreadable(
                f"the environment variable {secret} cannot be used: {error}"
            ) from None

    def close(self) -> None:
        pass
