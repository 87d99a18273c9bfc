"""What AWS providers read from the proxy's environment beside what boto3 reads there by itself."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from providers.errors import ProviderMisconfigured

CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",  # no secret, but half a pair would keep boto3 from looking further
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",  # the same under its old name
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
)
_ROLE = re.compile(r"arn:[a-z0-9-]+:iam::[0-9]{12}:role/[!-~]+")


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """The region of what does not name its own, and the role to read as, if there is one.

    AWS_ROLE_ARN is not that role: boto3 assumes it by itself, with a web identity.
    """

    region: str | None  # boto3 reads AWS_DEFAULT_REGION only
    role: str | None
    external_id: str | None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "AwsSettings":
        """Raises ProviderMisconfigured."""
        role = environ.get("KEYLESS_AWS_ASSUME_ROLE_ARN") or None
        if role is not None and not _ROLE.fullmatch(role):
            raise ProviderMisconfigured(
                "KEYLESS_AWS_ASSUME_ROLE_ARN is not a role's ARN; write "
                "arn:aws:iam::ACCOUNT:role/NAME"
            )
        return cls(
            environ.get("AWS_REGION") or None, role, environ.get("KEYLESS_AWS_EXTERNAL_ID") or None
        )
