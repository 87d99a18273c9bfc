"""Where an account's password is in a provider.

What is done to it here is what an administrator's script or AWS's rotation function does.
"""

import json
from typing import Any, ClassVar, Protocol

import hvac


class Store(Protocol):
    """A provider's secret with the keys `username` and `password`."""

    reference: str
    """How a role names it, but for the key."""

    def write(self, password: str) -> None:
        """Make it the current password, also where the provider has lost everything."""


class VaultStore:
    """A secret in KV 2."""

    def __init__(self, client: hvac.Client, user: str) -> None:
        self._client = client
        self._user = user
        self.reference = f"_vaultkv2:secret/data/{user}"

    def write(self, password: str) -> None:
        fields = {"username": self._user, "password": password}
        self._client.secrets.kv.v2.create_or_update_secret(self._user, fields)


class AwsStore:
    """A secret in AWS Secrets Manager, written in one step or by way of what is pending."""

    _CURRENT: ClassVar[str] = "AWSCURRENT"
    _PENDING: ClassVar[str] = "AWSPENDING"

    def __init__(self, client: Any, user: str) -> None:
        self._client = client
        self._user = user
        self.reference = f"_aws:{user}"

    def write(self, password: str) -> None:
        try:
            self._put(password, self._CURRENT)
        except self._client.exceptions.ResourceNotFoundException:
            self._client.create_secret(Name=self._user, SecretString=self._text(password))

    def write_pending(self, password: str) -> None:
        self._put(password, self._PENDING)

    def promote(self, _: str) -> None:
        """Make current what is pending, as the last step of AWS's rotation does."""
        pending, current = self._version(self._PENDING), self._version(self._CURRENT)
        self._move(self._CURRENT, MoveToVersionId=pending, RemoveFromVersionId=current)
        self._move(self._PENDING, RemoveFromVersionId=pending)

    def _version(self, label: str) -> str:
        told = self._client.describe_secret(SecretId=self._user)
        labels: dict[str, list[str]] = told["VersionIdsToStages"]
        return next(version for version in labels if label in labels[version])

    def _move(self, label: str, **versions: str) -> None:
        self._client.update_secret_version_stage(
            SecretId=self._user, VersionStage=label, **versions
        )

    def _put(self, password: str, label: str) -> None:
        self._client.put_secret_value(
            SecretId=self._user, SecretString=self._text(password), VersionStages=[label]
        )

    def _text(self, password: str) -> str:
        return json.dumps({"username": self._user, "password": password})
