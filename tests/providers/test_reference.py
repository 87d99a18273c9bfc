"""References are told from literals, and a misspelt one is never taken for a password."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.aws_secrets_manager import AwsSecretsManager
from providers.env_json import EnvJson
from providers.reference import Reference, Splitter, parse, split_at_last_colon
from providers.vault import VaultKv1, VaultKv2
from tests.secrecy import CANARY

PROVIDERS: dict[str, type[Splitter]] = {
    provider.name: provider for provider in (AwsSecretsManager, EnvJson, VaultKv1, VaultKv2)
}
ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/pg-AbCdEf"


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("_vaultkv1:kv/app/pg:user", Reference("vaultkv1", "kv/app/pg", "user")),
        ("_vaultkv2:pg:user", Reference("vaultkv2", "pg", "user")),
        ("_vaultkv2:a/data/b?version=3:user", Reference("vaultkv2", "a/data/b?version=3", "user")),
        ("_envjson:PROD_PG:user", Reference("envjson", "PROD_PG", "user")),
        ("_aws:prod/pg:user", Reference("aws", "prod/pg", "user")),
        ("_aws:a/b_c+d=e.f@g-h:user", Reference("aws", "a/b_c+d=e.f@g-h", "user")),
        ("_aws:prod/pg", Reference("aws", "prod/pg", None)),
        (f"_aws:{ARN}:user", Reference("aws", ARN, "user")),
        (f"_aws:{ARN}", Reference("aws", ARN, None)),
    ],
)
def test_each_provider_s_references_are_read_and_written_alike(
    text: str, reference: Reference
) -> None:
    assert parse(text, PROVIDERS) == reference
    assert str(reference) == text


@given(st.text().filter(lambda text: not text.startswith("_")))
def test_what_begins_otherwise_is_a_literal(text: str) -> None:
    assert parse(text, PROVIDERS) == text


@given(st.text())
def test_a_doubled_underscore_stands_for_a_literal_one(text: str) -> None:
    assert parse("__" + text, PROVIDERS) == "_" + text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("_", "is not a secret reference"),
        ("_aws", "is not a secret reference"),
        ("_aws/prod:user", "is not a secret reference"),
        ("_vaultkv3:a:b", r"did you mean _vaultkv[12]:\?.*known are _aws:, _envjson:"),
        ("_AWS:a:b", r"did you mean _aws:\?"),
        ("_nothing:a:b", "refers to an unknown secrets provider; known are _aws:"),
        ("_vaultkv1:pg:user", "write _vaultkv1:MOUNT/PATH:KEY"),
        ("_vaultkv1:kv/pg", "names no key"),
        ("_vaultkv2:pg", "names no key"),
        ("_vaultkv2::user", "names no key"),
        ("_vaultkv2:pg:", "names no key"),
        ("_vaultkv2:pg?version=:user", r"\?version=N"),
        ("_vaultkv2:pg?version=0:user", r"\?version=N"),
        ("_vaultkv2:pg?versoin=1:user", r"\?version=N"),
        ("_envjson:PROD_PG", "names no key"),
        ("_aws:", "names no secret"),
        ("_aws:prod/pg:", "names no secret"),
        ("_aws:prod pg:user", "names no secret"),
        ("_aws:arn:aws:s3:::bucket:user", "names no secret"),
        ("_aws:arn:aws:secretsmanager:eu-west-1:123:secret:pg:user", "names no secret"),
    ],
)
def test_a_mistake_is_told_with_what_to_write(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse(text, PROVIDERS)


@given(st.sampled_from(["_", "_aws:", "_aws:arn:", "_envjson:", "_vaultkv1:", "_vaultkv2:"]))
def test_a_mistake_s_text_does_not_repeat_what_may_be_a_password(start: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        parse(f"{start}{CANARY}?", PROVIDERS)
    assert CANARY not in str(caught.value)


@given(st.text(min_size=1), st.text(min_size=1).filter(lambda text: ":" not in text))
def test_the_last_colon_splits(secret: str, key: str) -> None:
    assert split_at_last_colon(f"{secret}:{key}") == (secret, key)
