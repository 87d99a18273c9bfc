"""Secrets in AWS Secrets Manager: `_aws:NAME-OR-ARN:KEY`, or `_aws:NAME-OR-ARN` for the whole text.

What is here is what a secret's name and its value look like; AWS itself is in `aws_client`.
"""

import re
from typing import TYPE_CHECKING, ClassVar

from providers.api import SecretVersion, Stage
from providers.aws import Aws
from providers.errors import ProviderMisconfigured, SecretUnreadable
from providers.json_secret import object_or_text

if TYPE_CHECKING:
    from providers.aws_client import AwsClients

_NAME = r"[A-Za-z0-9/_+=.@-]+"
_ARN = rf"arn:[a-z0-9-]+:secretsmanager:(?P<region>[a-z0-9-]+):[0-9]{{12}}:secret:{_NAME}"
_SECRET = re.compile(rf"({_ARN}|(?!arn:){_NAME})(?::(.+))?", re.DOTALL)
_LABELS = {
    Stage.CURRENT: "AWSCURRENT",
    Stage.PENDING: "AWSPENDING",
    Stage.PREVIOUS: "AWSPREVIOUS",
}


class AwsSecretsManager(Aws):
    """Reads a secret in the region of its ARN, or else in that of the settings."""

    name: ClassVar[str] = "aws"

    # AWS's own rotation changes the database to what is pending, and only then makes it current.
    stages: ClassVar[tuple[Stage, ...]] = (Stage.PENDING, Stage.PREVIOUS)

    @classmethod
    def split(cls, text: str) -> tuple[str, str | None]:
        match = _SECRET.fullmatch(text)
        if match is None:
            raise ValueError(
                "names no secret; write _aws:NAME:KEY or "
                "_aws:arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME:KEY"
            )
        return match[1], match[3]

    def _read(self, clients: "AwsClients", secret: str, stage: Stage) -> SecretVersion:
        match = _SECRET.fullmatch(secret)
        client = clients.secrets_manager(match and match["region"])
        found = client.get_secret_value(SecretId=secret, VersionStage=_LABELS[stage])
        if "SecretBinary" in found:
            raise SecretUnreadable(f"the secret {secret} is binary; store text in it")
        if "SecretString" not in found:  # boto3 takes any answer with status 200 for an empty one
            raise ProviderMisconfigured(
                f"what answered about {secret} is not AWS Secrets Manager; check AWS_ENDPOINT_URL, "
                "and whether a proxy answers in AWS's place"
            )
        return object_or_text(found["SecretString"], f"_aws:{secret}", found["VersionId"])
