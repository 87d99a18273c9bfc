"""Secrets in AWS Secrets Manager: `_aws:NAME-OR-ARN:KEY`, or `_aws:NAME-OR-ARN` for the whole text.

What is here is what a secret's name and its value look like; AWS itself is in `aws_client`.
"""

import re
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from providers import json_secret
from providers.api import Secret, SecretVersion, Stage
from providers.deadline import within
from providers.errors import (
    AccessDenied,
    ProviderMisconfigured,
    ProviderUnavailable,
    SecretUnreadable,
)

if TYPE_CHECKING:
    from providers.aws_client import AwsClients

_NAME = r"[A-Za-z0-9/_+=.@-]+"
_ARN = rf"arn:[a-z0-9-]+:secretsmanager:(?P<region>[a-z0-9-]+):[0-9]{{12}}:secret:{_NAME}"
_SECRET = re.compile(rf"({_ARN}|(?!arn:){_NAME})(?::(.+))?", re.DOTALL)


class AwsSecretsManager:
    """Reads the current version of a secret, in the region of its ARN or the default chain's."""

    name: ClassVar[str] = "aws"
    settings: ClassVar[tuple[str, ...]] = (
        "AWS_ACCESS_KEY_ID",  # no secret, but half a pair would keep boto3 from looking further
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    )
    stages: ClassVar[tuple[Stage, ...]] = ()
    leases: ClassVar[bool] = False

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._region = environ.get("AWS_REGION") or None  # boto3 reads AWS_DEFAULT_REGION only
        self._lock = threading.Lock()
        self._clients: AwsClients | None = None

    @classmethod
    def split(cls, text: str) -> tuple[str, str | None]:
        match = _SECRET.fullmatch(text)
        if match is None:
            raise ValueError(
                "names no secret; write _aws:NAME:KEY or "
                "_aws:arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME:KEY"
            )
        return match[1], match[3]

    def fetch(self, secret: str, timeout: float, stage: Stage = Stage.CURRENT) -> SecretVersion:
        try:
            return within(timeout, lambda: self._read(secret))
        except TimeoutError:
            pass
        raise ProviderUnavailable(f"AWS did not answer about {secret} within {timeout:g} seconds")

    def close(self) -> None:
        with self._lock:
            self._clients = None

    def _read(self, secret: str) -> SecretVersion:
        from providers.aws_client import AwsError, explain  # noqa: PLC0415

        clients = self._connected()
        match = _SECRET.fullmatch(secret)
        try:
            client = clients.secrets_manager((match and match["region"]) or self._region)
            return _version(secret, client.get_secret_value(SecretId=secret))
        except AwsError as error:
            failure = explain(error, secret)
        if isinstance(failure, AccessDenied | ProviderMisconfigured):
            clients.forget()
        raise failure

    def _connected(self) -> "AwsClients":
        from providers.aws_client import AwsClients  # noqa: PLC0415

        with self._lock:
            if self._clients is None:
                self._clients = AwsClients()
            return self._clients


def _version(secret: str, found: Mapping[str, Any]) -> SecretVersion:
    text = found.get("SecretString")
    if text is None:
        raise SecretUnreadable(f"the secret {secret} is binary; store text in it")
    try:
        keys = json_secret.keys_of(text)
    except SecretUnreadable as error:
        keys = json_secret.NoKeys(f"{error}; write _aws:{secret} without a key for its whole text")
    return SecretVersion(keys, Secret(text), found["VersionId"])
