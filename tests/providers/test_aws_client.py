"""Who reads: the credentials that are found, or a role that is assumed with them, once for all."""

import json
import logging
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

import pytest

from providers.api import Secret
from providers.aws_rds_iam import AwsRdsIam
from providers.aws_secrets_manager import AwsSecretsManager
from providers.errors import AccessDenied, ProviderError, ProviderMisconfigured, ProviderUnavailable
from tests.providers.reading import PATIENCE, lasting, read
from tests.secrecy import CANARY
from tests.servers.misbehaving import OneAnswer, silent_listener
from tests.servers.moto_aws import REGION, MotoAws

ELSEWHERE = "us-west-2"
FIELDS = json.dumps({"password": CANARY})


@pytest.fixture
def role(moto_aws: MotoAws) -> str:
    """A role that may read secrets."""
    return make_role(moto_aws, "secretsmanager:GetSecretValue")


@pytest.fixture
def assuming(moto_aws: MotoAws, aws_environment: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """We may assume roles and do nothing else; there is a secret `by-role`, here and elsewhere."""
    for region in (REGION, ELSEWHERE):
        client = moto_aws.client("secretsmanager", region)
        with suppress(client.exceptions.ResourceExistsException):
            client.create_secret(Name="by-role", SecretString=FIELDS)
    become(aws_environment, moto_aws.user_with("sts:AssumeRole"))
    return aws_environment


def become(environment: pytest.MonkeyPatch, key: tuple[str, str]) -> None:
    environment.setenv("AWS_ACCESS_KEY_ID", key[0])
    environment.setenv("AWS_SECRET_ACCESS_KEY", key[1])


def make_role(moto: MotoAws, action: str) -> str:
    iam = moto.client("iam")
    name = f"role-{time.monotonic_ns()}"
    allowed = {"Effect": "Allow", "Action": action, "Resource": "*"}
    trusted = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trusted))["Role"][
        "Arn"
    ]
    iam.put_role_policy(RoleName=name, PolicyName="only", PolicyDocument=policy(allowed))
    return arn


def policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def assumed(moto: MotoAws, role: str) -> list[dict[str, Any]]:
    """Every time that `role` was assumed, as moto keeps it."""
    with urllib.request.urlopen(f"{moto.url}/moto-api/data.json") as answer:
        kept = json.load(answer)["sts"]["AssumedRole"]
    return [one for one in kept if one["role_arn"] == role]


def settings(role: str, **more: str) -> dict[str, str]:
    return {"AWS_REGION": REGION, "KEYLESS_AWS_ASSUME_ROLE_ARN": role, **more}


@pytest.mark.usefixtures("assuming")
def test_the_role_may_read_what_we_may_not(moto_aws: MotoAws, role: str) -> None:
    provider = AwsSecretsManager(settings(role, KEYLESS_AWS_EXTERNAL_ID="customer 7"))
    with moto_aws.checking_policies():
        with pytest.raises(AccessDenied, match="to GetSecretValue for by-role"):
            read(AwsSecretsManager({"AWS_REGION": REGION}), "by-role:password")
        assert read(provider, "by-role:password") == Secret(CANARY)
    (one,) = assumed(moto_aws, role)
    assert (one["session_name"], one["external_id"]) == ("keyless", "customer 7")


@pytest.mark.usefixtures("assuming")
def test_the_role_s_own_policy_counts(moto_aws: MotoAws) -> None:
    other = make_role(moto_aws, "ec2:DescribeRegions")
    with (
        moto_aws.checking_policies(),
        pytest.raises(AccessDenied, match="to GetSecretValue for by-role"),
    ):
        read(AwsSecretsManager(settings(other)), "by-role:password")


@pytest.mark.usefixtures("assuming")
def test_all_reads_in_all_regions_share_one_assumed_role(moto_aws: MotoAws, role: str) -> None:
    provider = AwsSecretsManager(settings(role))
    secrets = [f"{secret}:password" for secret in ("by-role", arn_elsewhere(moto_aws))]
    with moto_aws.checking_policies(), ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda secret: read(provider, secret), secrets * 8))
    assert found == [Secret(CANARY)] * 16
    assert len(assumed(moto_aws, role)) == 1


@pytest.mark.usefixtures("assuming")
def test_without_a_region_sts_is_asked_where_the_secret_is(moto_aws: MotoAws, role: str) -> None:
    provider = AwsSecretsManager({"KEYLESS_AWS_ASSUME_ROLE_ARN": role})
    assert read(provider, f"{arn_elsewhere(moto_aws)}:password") == Secret(CANARY)


def arn_elsewhere(moto: MotoAws) -> str:
    arn: str = moto.client("secretsmanager", ELSEWHERE).describe_secret(SecretId="by-role")["ARN"]
    return arn


@pytest.mark.usefixtures("aws_environment")
def test_a_token_is_signed_by_the_role(moto_aws: MotoAws, role: str) -> None:
    host = "db.abc.eu-central-1.rds.amazonaws.com:5432"
    found = AwsRdsIam(settings(role)).fetch(f"app@{host}", PATIENCE)
    (one,) = assumed(moto_aws, role)
    token = parse_qs(found.value("authtoken").reveal())
    assert token["X-Amz-Credential"][0].startswith(f"{one['access_key_id']}/")
    assert one["access_key_id"].startswith("ASIA")
    assert token["X-Amz-Security-Token"] == [one["session_token"]]


def test_a_role_that_we_may_not_assume_is_told(
    moto_aws: MotoAws, aws_environment: pytest.MonkeyPatch, role: str
) -> None:
    become(aws_environment, moto_aws.user_with("secretsmanager:GetSecretValue"))
    with (
        moto_aws.checking_policies(),
        pytest.raises(AccessDenied, match=r"AccessDenied to AssumeRole .*not authorized.* trust"),
    ):
        read(AwsSecretsManager(settings(role)), "pg:password")


def test_a_role_needs_credentials_to_be_assumed_with(
    aws_environment: pytest.MonkeyPatch, role: str
) -> None:
    aws_environment.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(ProviderMisconfigured, match="no AWS credentials were found"):
        read(AwsSecretsManager(settings(role)), "pg:password")


@pytest.mark.parametrize(
    "wrong", ["reader", "arn:aws:iam::123:role/x", "arn:aws:iam::1" + "2" * 11]
)
def test_what_is_no_role_is_told_by_its_setting(wrong: str) -> None:
    provider = AwsSecretsManager(settings(wrong))
    with pytest.raises(ProviderMisconfigured, match="KEYLESS_AWS_ASSUME_ROLE_ARN is not a role's"):
        read(provider, "pg:password")


def test_sts_that_is_silent_is_waited_for_until_the_deadline(
    aws_environment: pytest.MonkeyPatch, role: str
) -> None:
    with silent_listener() as place, lasting(0.4, 1.4):
        aws_environment.setenv("AWS_ENDPOINT_URL_STS", f"http://{place}")
        with pytest.raises(ProviderUnavailable, match=r"about pg within 0\.5 seconds"):
            read(AwsSecretsManager(settings(role)), "pg:password", 0.5)


def test_no_word_of_sts_about_a_wrong_signature_is_repeated_or_logged(
    aws_environment: pytest.MonkeyPatch, role: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    body = (
        "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code>"
        f"<Message>x-amz-security-token:{CANARY}</Message></Error></ErrorResponse>"
    )
    with OneAnswer("403 x", body.encode()) as server:
        aws_environment.setenv("AWS_ENDPOINT_URL", f"http://{server.place}")
        with pytest.raises(ProviderError, match="SignatureDoesNotMatch to AssumeRole") as caught:
            read(AwsSecretsManager(settings(role)), "pg:password")
    assert CANARY not in str(caught.value)
    assert CANARY not in caplog.text
