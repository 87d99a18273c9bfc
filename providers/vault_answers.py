"""What Vault said, and what it means for one who wanted to read a secret."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.errors import AccessDenied, ProviderError, ProviderMisconfigured, SecretNotFound


@dataclass(frozen=True, slots=True)
class VaultAnswer:
    """One answer, for or against. `words`: Vault's errors and warnings, without our credentials."""

    address: str
    path: str
    status: int
    words: str
    body: Mapping[str, Any] = field(repr=False)


def data_of(answer: VaultAnswer) -> Mapping[str, Any]:
    """The data that was asked for, or a `ProviderError` that says why there is none."""
    data = answer.body.get("data")
    if answer.status == 200 and isinstance(data, dict):
        return data
    raise _refusal(answer, data)


def seconds_of(told: object) -> float:
    """A duration as an answer has it. Vault says 0 of what does not end, and so do we of a text
    that is no duration."""
    try:
        seconds = float(str(told))
    except ValueError:
        return 0.0
    return seconds if 0 < seconds < float("inf") else 0.0


def _refusal(answer: VaultAnswer, data: object) -> ProviderError:
    vault, said = f"Vault at {answer.address}", f"(status {answer.status}: {answer.words})"
    if answer.status == 403:
        return AccessDenied(
            f"{vault} does not let us read {answer.path} {said}; the token is no longer valid, or "
            "its policies do not allow it to read this path"
        )
    if answer.status == 404 and isinstance(data, dict) and "metadata" in data:
        return SecretNotFound(f"{vault} no longer has {answer.path}: {_fate(data['metadata'])}")
    if answer.status == 404:
        return SecretNotFound(f"{vault} has nothing at {answer.path} {said}")
    return ProviderMisconfigured(
        f"{vault} gave no secret for {answer.path} {said}; check VAULT_ADDR, VAULT_NAMESPACE and "
        "the reference's path"
    )


def _fate(metadata: Mapping[str, Any]) -> str:
    """KV 2 says 404 of a version that was there, and tells what became of it."""
    if metadata.get("destroyed") is True:
        return f"version {metadata.get('version')} was destroyed; write a new one"
    when = metadata.get("deletion_time")
    return (
        f"version {metadata.get('version')} was deleted at {when}; undelete it or write a new one"
    )
