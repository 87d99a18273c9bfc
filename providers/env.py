"""Secrets in the proxy's own environment: `_env:NAME` is the whole value of the variable.

Which variables those are is known from the references alone, so `settings` cannot name them.
"""

from collections.abc import Mapping
from typing import ClassVar

from providers.api import Secret, SecretVersion, Stage
from providers.errors import SecretNotFound, SecretUnreadable


class Env:
    """Reads from memory: nothing to wait for and nothing to close."""

    name: ClassVar[str] = "env"
    settings: ClassVar[tuple[str, ...]] = ()
    stages: ClassVar[tuple[Stage, ...]] = ()
    makes_secrets: ClassVar[bool] = False
    immediate: ClassVar[bool] = True

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    @classmethod
    def split(cls, text: str) -> tuple[str, str | None]:
        if not text or ":" in text:
            raise ValueError(
                "names no variable; write _env:NAME for its whole value, or _envjson:NAME:KEY for "
                "a key of the JSON object that it holds"
            )
        return text, None

    def fetch(self, secret: str, timeout: float, stage: Stage = Stage.CURRENT) -> SecretVersion:
        text = self._environ.get(secret)
        if text is None:
            raise SecretNotFound(
                f"the environment variable {secret} is not set; set it where the proxy is started"
            )
        # Python reads bytes that are no text as halves of surrogate pairs.
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise SecretUnreadable(f"the environment variable {secret} is binary; set it to text")
        return SecretVersion({}, Secret(text))

    def close(self) -> None:
        pass
