"""AWS clients, made once a region from boto3's default chain, and what their errors mean.

It knows nothing of what is in a secret. Importing boto3 takes 0.4 seconds, so this module is
imported at the first read.
"""

import logging
import threading
from typing import TYPE_CHECKING

import boto3
from botocore import exceptions as boto
from botocore.config import Config

from providers.errors import (
    AccessDenied,
    ProviderError,
    ProviderMisconfigured,
    ProviderUnavailable,
    SecretNotFound,
)

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

AwsError = (boto.BotoCoreError, boto.ClientError)

# A read has a deadline besides; these bound how long its thread lives on when nobody waits for it.
_CONFIG = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
)
_DENIED = {
    "AccessDenied", "AccessDeniedException", "DecryptionFailure", "ExpiredToken",
    "ExpiredTokenException", "IncompleteSignature", "InvalidClientTokenId", "InvalidIdentityToken",
    "InvalidSignatureException", "MissingAuthenticationToken", "OptInRequired",
    "RequestTimeTooSkewed", "SignatureDoesNotMatch", "UnrecognizedClientException",
}  # fmt: skip
_BUSY = {"RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException"}
# Only these errors' own words are repeated: that of a wrong signature holds what was signed.
_WORDS_ARE_HARMLESS = {"AccessDeniedException", "InvalidRequestException"}

_SETTINGS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    (
        (boto.NoCredentialsError, boto.PartialCredentialsError),
        "no AWS credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
        "AWS_PROFILE, or run where AWS hands out a role",
    ),
    ((boto.NoRegionError,), "AWS_REGION is not set; set it, or write the secret's whole ARN"),
    ((boto.ProfileNotFound,), "AWS_PROFILE names a profile that is not there; correct it"),
)


class AwsClients:
    """Secrets Manager clients by region; None is the default chain's region."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # sessions, unlike clients, are not made for threads
        self._clients: dict[str | None, SecretsManagerClient] = {}

    def secrets_manager(self, region: str | None) -> "SecretsManagerClient":
        with self._lock:
            if region not in self._clients:
                # At DEBUG, botocore logs every answer whole and every header that it signs.
                logging.getLogger("botocore").setLevel(logging.INFO)
                session = boto3.session.Session(region_name=region)
                self._clients[region] = session.client("secretsmanager", config=_CONFIG)
            return self._clients[region]

    def forget(self) -> None:
        """Let the next read look for credentials anew: a client keeps those that it began with."""
        with self._lock:
            self._clients.clear()


def explain(error: Exception, secret: str) -> ProviderError:
    """boto3's error in our terms, without any text that may hold a credential."""
    if isinstance(error, boto.ClientError):
        return _answered(error, secret)
    kind = type(error).__name__
    if isinstance(error, boto.ConnectionError | boto.HTTPClientError | boto.MetadataRetrievalError):
        where = getattr(error, "kwargs", {}).get("endpoint_url") or "AWS"
        return ProviderUnavailable(f"{where} cannot be reached to read {secret} ({kind})")
    for kinds, sentence in _SETTINGS:
        if isinstance(error, kinds):
            return ProviderMisconfigured(sentence)
    return AccessDenied(f"the AWS credentials cannot be used ({kind}); log in to AWS anew")


def _answered(error: boto.ClientError, secret: str) -> ProviderError:
    details = error.response.get("Error", {})
    code, words = details.get("Code", "unknown"), details.get("Message", "")
    said = f"AWS answered {code} to {error.operation_name} for {secret}"
    if code in _WORDS_ARE_HARMLESS and words:
        said += f": {words}"
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _BUSY or status >= 500:
        return ProviderUnavailable(said)
    if code == "ResourceNotFoundException":
        return SecretNotFound(
            f"AWS Secrets Manager has no secret {secret} in this region and account"
        )
    if code == "InvalidRequestException":  # it is marked for deletion, or was never given a value
        return SecretNotFound(said)
    if code in _DENIED or status == 403:
        return AccessDenied(f"{said}; check the credentials and their policies")
    return ProviderMisconfigured(said)
