"""Secrets Manager, as moto serves it to the real boto3: names, ARNs, keys, regions, refusals."""

import json
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from providers.api import Secret, Stage
from providers.aws_secrets_manager import AwsSecretsManager
from providers.errors import (
    AccessDenied,
    KeyNotFound,
    ProviderMisconfigured,
    ProviderUnavailable,
    SecretNotFound,
    SecretUnreadable,
)
from tests.providers.reading import PATIENCE, lasting, read
from tests.secrecy import CANARY, canary
from tests.servers.misbehaving import OneAnswer, refusing_address, silent_listener
from tests.servers.moto_aws import REGION, MotoAws

ELSEWHERE = "us-west-2"
FIELDS = json.dumps({"user": "app", "password": CANARY})
READ = "secretsmanager:GetSecretValue"


@pytest.fixture
def aws(aws_environment: pytest.MonkeyPatch) -> AwsSecretsManager:
    return AwsSecretsManager({"AWS_REGION": REGION})


def create(moto: MotoAws, name: str, text: str = FIELDS, region: str = REGION) -> dict[str, Any]:
    """A secret of that name, whether there was one already or not."""
    client = moto.client("secretsmanager", region)
    try:
        made: dict[str, Any] = client.create_secret(Name=name, SecretString=text)
    except client.exceptions.ResourceExistsException:
        made = client.put_secret_value(SecretId=name, SecretString=text)
    return made


# -- what a reference names ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["pg", "prod/pg", "a/b_c+d=e.f@g-h"])
def test_a_key_and_the_whole_are_read_by_name(
    moto_aws: MotoAws, aws: AwsSecretsManager, name: str
) -> None:
    made = create(moto_aws, name)
    assert read(aws, f"{name}:user") == Secret("app")
    assert read(aws, f"{name}:password") == Secret(CANARY)
    assert read(aws, name) == Secret(FIELDS)
    assert aws.fetch(name, PATIENCE).version == made["VersionId"]


def test_an_arn_is_read_in_its_own_region(moto_aws: MotoAws, aws: AwsSecretsManager) -> None:
    fields = json.dumps({"password": canary(" elsewhere")})
    arn = create(moto_aws, "elsewhere/pg", fields, ELSEWHERE)["ARN"]
    assert ELSEWHERE in arn
    assert read(aws, f"{arn}:password") == Secret(canary(" elsewhere"))
    assert read(aws, arn) == Secret(fields)
    with pytest.raises(SecretNotFound, match="no secret elsewhere/pg in this region"):
        read(aws, "elsewhere/pg:password")


def test_a_key_may_have_colons(moto_aws: MotoAws, aws: AwsSecretsManager) -> None:
    arn = create(moto_aws, "colons", json.dumps({"a:b": CANARY}))["ARN"]
    assert read(aws, "colons:a:b") == Secret(CANARY)
    assert read(aws, f"{arn}:a:b") == Secret(CANARY)


def test_a_number_comes_as_written(moto_aws: MotoAws, aws: AwsSecretsManager) -> None:
    create(moto_aws, "numbers", '{"million": 1000000, "exponent": 1e6, "zero": 0.10}')
    assert read(aws, "numbers:million") == Secret("1000000")
    assert read(aws, "numbers:exponent") == Secret("1e6")
    assert read(aws, "numbers:zero") == Secret("0.10")


def test_text_that_is_no_object_is_read_whole(moto_aws: MotoAws, aws: AwsSecretsManager) -> None:
    create(moto_aws, "plain", CANARY)
    assert read(aws, "plain") == Secret(CANARY)
    with pytest.raises(
        SecretUnreadable, match="not JSON; write _aws:plain without a key"
    ) as caught:
        read(aws, "plain:password")
    assert CANARY not in str(caught.value)


def test_every_read_is_anew(moto_aws: MotoAws, aws: AwsSecretsManager) -> None:
    first = create(moto_aws, "rotated", json.dumps({"password": canary("1")}))
    assert read(aws, "rotated:password") == Secret(canary("1"))
    second = create(moto_aws, "rotated", json.dumps({"password": canary("2")}))
    assert read(aws, "rotated:password") == Secret(canary("2"))
    assert first["VersionId"] != second["VersionId"] == aws.fetch("rotated", PATIENCE).version


def test_a_rotation_by_aws_is_followed_through_the_stages(
    moto_aws: MotoAws, aws: AwsSecretsManager
) -> None:
    """As AWS's rotation functions do it: pending first, then the database, then current."""
    old = create(moto_aws, "stages", json.dumps({"password": canary("old")}))["VersionId"]
    client = moto_aws.client("secretsmanager")
    new = client.put_secret_value(
        SecretId="stages",
        SecretString=json.dumps({"password": canary("new")}),
        VersionStages=["AWSPENDING"],
    )["VersionId"]
    assert at_stage(aws, "stages", Stage.CURRENT) == (old, Secret(canary("old")))
    assert at_stage(aws, "stages", Stage.PENDING) == (new, Secret(canary("new")))
    client.update_secret_version_stage(
        SecretId="stages", VersionStage="AWSCURRENT", MoveToVersionId=new, RemoveFromVersionId=old
    )
    assert at_stage(aws, "stages", Stage.CURRENT) == (new, Secret(canary("new")))
    assert at_stage(aws, "stages", Stage.PREVIOUS) == (old, Secret(canary("old")))
    assert aws.stages == (Stage.PENDING, Stage.PREVIOUS)


@pytest.mark.parametrize("stage", [Stage.PENDING, Stage.PREVIOUS])
def test_a_stage_without_a_version_is_told(
    moto_aws: MotoAws, aws: AwsSecretsManager, stage: Stage
) -> None:
    name = f"never-rotated-{stage.value}"
    create(moto_aws, name)
    with pytest.raises(SecretNotFound, match=f"no secret {name} in its {stage.value} version"):
        aws.fetch(name, PATIENCE, stage)


def at_stage(aws: AwsSecretsManager, name: str, stage: Stage) -> tuple[str, Secret]:
    found = aws.fetch(name, PATIENCE, stage)
    return found.version, found.value("password")


def test_a_binary_secret_is_told(moto_aws: MotoAws, aws: AwsSecretsManager) -> None:
    client = moto_aws.client("secretsmanager")
    client.create_secret(Name="binary", SecretBinary=CANARY.encode())
    with pytest.raises(SecretUnreadable, match="binary is binary; store text in it"):
        read(aws, "binary:password")


def test_a_missing_key_is_told(moto_aws: MotoAws, aws: AwsSecretsManager) -> None:
    create(moto_aws, "pg")
    with pytest.raises(KeyNotFound, match="its keys are: password, user"):
        read(aws, "pg:passwort")


def test_a_secret_to_be_deleted_is_told(moto_aws: MotoAws, aws: AwsSecretsManager) -> None:
    client = moto_aws.client("secretsmanager")
    client.create_secret(Name="leaving", SecretString=FIELDS)
    client.delete_secret(SecretId="leaving")
    with pytest.raises(SecretNotFound, match=r"leaving.*deleted"):
        read(aws, "leaving:password")


# -- who we are, and where -------------------------------------------------------------------


def test_threads_share_one_provider(moto_aws: MotoAws, aws: AwsSecretsManager) -> None:
    create(moto_aws, "pg")
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: read(aws, "pg:password"), range(16)))
    assert found == [Secret(CANARY)] * 16


def test_boto3_s_own_variable_for_the_region_is_known(
    moto_aws: MotoAws, aws_environment: pytest.MonkeyPatch
) -> None:
    create(moto_aws, "pg")
    aws_environment.setenv("AWS_DEFAULT_REGION", REGION)
    assert read(AwsSecretsManager({}), "pg:password") == Secret(CANARY)


def test_without_a_region_an_arn_will_do(
    moto_aws: MotoAws, aws_environment: pytest.MonkeyPatch
) -> None:
    arn = create(moto_aws, "pg")["ARN"]
    provider = AwsSecretsManager({})
    with pytest.raises(ProviderMisconfigured, match="AWS_REGION is not set; set it, or"):
        read(provider, "pg:password")
    assert read(provider, f"{arn}:password") == Secret(CANARY)


def test_credentials_are_looked_for_again_where_none_were_found(
    moto_aws: MotoAws, aws: AwsSecretsManager, aws_environment: pytest.MonkeyPatch
) -> None:
    create(moto_aws, "pg")
    key = os.environ["AWS_ACCESS_KEY_ID"]
    aws_environment.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(ProviderMisconfigured, match=r"no AWS credentials .*AWS_ACCESS_KEY_ID"):
        read(aws, "pg:password")
    aws_environment.setenv("AWS_ACCESS_KEY_ID", key)
    assert read(aws, "pg:password") == Secret(CANARY)


def test_a_profile_that_is_not_there_is_told(
    aws: AwsSecretsManager, aws_environment: pytest.MonkeyPatch
) -> None:
    aws_environment.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ProviderMisconfigured, match="AWS_PROFILE names a profile"):
        read(aws, "pg:password")


def test_a_policy_decides(
    moto_aws: MotoAws, aws: AwsSecretsManager, aws_environment: pytest.MonkeyPatch
) -> None:
    create(moto_aws, "pg")
    allowed, denied = moto_aws.user_with(READ), moto_aws.user_with("ec2:DescribeRegions")
    with moto_aws.checking_policies():
        _become(aws_environment, *denied)
        with pytest.raises(AccessDenied, match="for pg; check the credentials and their policies"):
            read(aws, "pg:password")
        _become(aws_environment, *allowed)
        assert read(aws, "pg:password") == Secret(CANARY)


def test_credentials_that_aws_does_not_know_are_told_without_them(
    moto_aws: MotoAws, aws_environment: pytest.MonkeyPatch
) -> None:
    key, _ = moto_aws.user_with(READ)
    with moto_aws.checking_policies():
        for wrong in ((key, CANARY), ("unknown", CANARY)):
            _become(aws_environment, *wrong)
            with pytest.raises(AccessDenied, match="check the credentials") as caught:
                read(AwsSecretsManager({"AWS_REGION": REGION}), "pg:password")
            assert CANARY not in str(caught.value)


def test_a_session_token_that_cannot_be_sent_is_not_repeated(
    aws: AwsSecretsManager, aws_environment: pytest.MonkeyPatch
) -> None:
    aws_environment.setenv("AWS_SESSION_TOKEN", f"{CANARY}\nX-Other: header")
    with pytest.raises(ProviderUnavailable, match="HTTPClientError") as caught:
        read(aws, "pg:password")
    assert CANARY not in str(caught.value)
    assert caught.value.__context__ is None


def test_logs_at_debug_do_not_show_values(
    moto_aws: MotoAws, aws: AwsSecretsManager, caplog: pytest.LogCaptureFixture
) -> None:
    create(moto_aws, "pg")
    caplog.set_level(logging.DEBUG)
    assert read(aws, "pg:password") == Secret(CANARY)
    assert caplog.records  # the logs of other libraries are not held back
    assert CANARY not in caplog.text


def _become(environment: pytest.MonkeyPatch, key: str, secret: str) -> None:
    environment.setenv("AWS_ACCESS_KEY_ID", key)
    environment.setenv("AWS_SECRET_ACCESS_KEY", secret)


# -- not now ---------------------------------------------------------------------------------


def test_an_address_that_refuses_is_told(
    aws: AwsSecretsManager, aws_environment: pytest.MonkeyPatch
) -> None:
    with refusing_address() as place:
        aws_environment.setenv("AWS_ENDPOINT_URL", f"http://{place}")
        with pytest.raises(ProviderUnavailable, match=f"{place}.* cannot be reached to read pg"):
            read(aws, "pg:password")


def test_a_server_that_is_silent_is_waited_for_until_the_deadline(
    aws: AwsSecretsManager, aws_environment: pytest.MonkeyPatch
) -> None:
    with silent_listener() as place, lasting(0.4, 0.9):
        aws_environment.setenv("AWS_ENDPOINT_URL", f"http://{place}")
        with pytest.raises(ProviderUnavailable, match=r"about pg within 0\.5 seconds"):
            read(aws, "pg:password", 0.5)


@pytest.mark.parametrize(
    ("status", "code"),
    [("500 x", "InternalServiceError"), ("503 x", "x"), ("400 x", "ThrottlingException")],
)
def test_a_busy_server_is_asked_again(
    aws: AwsSecretsManager, aws_environment: pytest.MonkeyPatch, status: str, code: str
) -> None:
    with OneAnswer(status, json.dumps({"__type": code}).encode()) as server:
        aws_environment.setenv("AWS_ENDPOINT_URL", f"http://{server.place}")
        with pytest.raises(ProviderUnavailable, match=f"answered {code} to GetSecretValue for pg"):
            read(aws, "pg:password")
        assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("AccessDeniedException", AccessDenied),
        ("UnrecognizedClientException", AccessDenied),
        ("ExpiredTokenException", AccessDenied),
        ("DecryptionFailure", AccessDenied),
        ("ResourceNotFoundException", SecretNotFound),
        ("ValidationException", ProviderMisconfigured),
    ],
)
def test_a_refusal_is_not_asked_for_again(
    aws: AwsSecretsManager,
    aws_environment: pytest.MonkeyPatch,
    code: str,
    error: type[Exception],
) -> None:
    with OneAnswer("400 x", json.dumps({"__type": code}).encode()) as server:
        aws_environment.setenv("AWS_ENDPOINT_URL", f"http://{server.place}")
        with pytest.raises(error):
            read(aws, "pg:password")
        assert len(server.requests) == 1


def test_the_words_of_a_wrong_signature_are_not_repeated(
    aws: AwsSecretsManager, aws_environment: pytest.MonkeyPatch
) -> None:
    body = {"__type": "InvalidSignatureException", "message": f"x-amz-security-token:{CANARY}"}
    with OneAnswer("400 x", json.dumps(body).encode()) as server:
        aws_environment.setenv("AWS_ENDPOINT_URL", f"http://{server.place}")
        with pytest.raises(AccessDenied, match="InvalidSignatureException") as caught:
            read(aws, "pg:password")
    assert CANARY not in str(caught.value)
