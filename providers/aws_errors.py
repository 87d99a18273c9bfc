"""What boto3's errors mean, without any text that may hold a credential."""

from botocore import exceptions as boto

from providers.api import Stage
from providers.errors import (
    AccessDenied,
    ProviderError,
    ProviderMisconfigured,
    ProviderUnavailable,
    SecretNotFound,
)

AwsError = (boto.BotoCoreError, boto.ClientError)

_DENIED = {
    "AccessDenied", "AccessDeniedException", "DecryptionFailure", "ExpiredToken",
    "ExpiredTokenException", "IncompleteSignature", "InvalidClientTokenId", "InvalidIdentityToken",
    "InvalidSignatureException", "MissingAuthenticationToken", "OptInRequired",
    "RequestTimeTooSkewed", "SignatureDoesNotMatch", "UnrecognizedClientException",
}  # fmt: skip
_BUSY = {"RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException"}
# Only these errors' own words are repeated: that of a wrong signature holds what was signed.
_WORDS_ARE_HARMLESS = {"AccessDenied", "AccessDeniedException", "InvalidRequestException"}

_SETTINGS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    (
        (boto.NoCredentialsError, boto.PartialCredentialsError),
        "no AWS credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
        "AWS_PROFILE, or run where AWS hands out a role",
    ),
    (
        (boto.NoRegionError,),
        "AWS_REGION is not set; set it, or write a secret's whole ARN, or RDS's own host name",
    ),
    ((boto.ProfileNotFound,), "AWS_PROFILE names a profile that is not there; correct it"),
)


def explain(error: Exception, secret: str, stage: Stage) -> ProviderError:
    """boto3's error in our terms."""
    if isinstance(error, boto.ClientError):
        which = "" if stage is Stage.CURRENT else f" in its {stage.value} version"
        return _answered(error, secret + which)
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
        return AccessDenied(f"{said}; check {_suspects(error.operation_name)}")
    return ProviderMisconfigured(said)


def _suspects(operation: str) -> str:
    if operation == "AssumeRole":
        return "KEYLESS_AWS_ASSUME_ROLE_ARN, KEYLESS_AWS_EXTERNAL_ID and the role's trust policy"
    return "the credentials and their policies"
