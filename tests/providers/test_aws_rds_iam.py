"""RDS tokens: what a role's USER becomes, and a signature that is computed a second time here."""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from protocols.postgres.login import check_environment
from providers import reference
from providers.api import Secret
from providers.aws_rds_iam import AwsRdsIam
from providers.aws_rds_names import RdsAccount
from providers.env_json import EnvJson
from providers.errors import (
    AccessDenied,
    KeyNotFound,
    ProviderError,
    ProviderMisconfigured,
    SecretNotFound,
)
from providers.reference import Reference, Splitter
from tests.providers.reading import PATIENCE, read
from tests.secrecy import CANARY, canary
from tests.servers.misbehaving import OneAnswer

HOST = "db.abc123.us-east-1.rds.amazonaws.com"
ACCOUNT = f"app@{HOST}:5432"
Environment = Mapping[str, str | Reference]


@pytest.fixture
def signing(aws_environment: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    aws_environment.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    aws_environment.setenv("AWS_SECRET_ACCESS_KEY", CANARY)
    return aws_environment


def token_for(account: str, **environ: str) -> str:
    return AwsRdsIam(environ).fetch(account, PATIENCE).value("authtoken").reveal()


def signature(token: str, region: str) -> str:
    """What Signature Version 4 makes of the token's own words, by AWS's description of it."""
    parts = urlsplit(f"https://{token}")
    fields = {name: value for name, value in parse_qsl(parts.query) if name != "X-Amz-Signature"}
    query = "&".join(
        f"{quote(name, safe='')}={quote(fields[name], safe='')}" for name in sorted(fields)
    )
    request = f"GET\n/\n{query}\nhost:{parts.netloc}\n\nhost\n{sha256().hexdigest()}"
    moment = fields["X-Amz-Date"]
    scope = f"{moment[:8]}/{region}/rds-db/aws4_request"
    key = f"AWS4{CANARY}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{sha256(request.encode()).hexdigest()}"
    return hmac.digest(key, text.encode(), "sha256").hex()


# -- tokens ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("signing")
@pytest.mark.parametrize(
    ("account", "region"),
    [
        (ACCOUNT, "us-east-1"),
        (f"jane@example.com@{HOST}:3306", "us-east-1"),
        (f"a user & more=/%@{HOST}:1", "us-east-1"),
        ("app@db.abc123.rds.cn-north-1.amazonaws.com.cn:5432", "cn-north-1"),
        ("app@pool.proxy-abc123.us-gov-west-1.rds-fips.amazonaws.com:5432", "us-gov-west-1"),
        ("app@[2001:db8::1]:5432", "eu-west-3"),
        ("app@db.example.com:5432", "eu-west-3"),
    ],
)
def test_a_token_is_signed_for_its_user_host_port_and_region(account: str, region: str) -> None:
    parsed = RdsAccount.parse(account)
    assert parsed is not None
    token = token_for(account, AWS_REGION="eu-west-3")
    assert token.startswith(f"{parsed.host}:{parsed.port}/?")
    fields = dict(parse_qsl(urlsplit(f"https://{token}").query))
    assert (fields["Action"], fields["DBUser"]) == ("connect", parsed.user)
    assert fields["X-Amz-Expires"] == "900"
    assert f"AKIDEXAMPLE/{fields['X-Amz-Date'][:8]}/{region}/rds-db/" in fields["X-Amz-Credential"]
    assert hmac.compare_digest(fields["X-Amz-Signature"], signature(token, region))


def test_a_session_token_is_part_of_what_is_signed(signing: pytest.MonkeyPatch) -> None:
    signing.setenv("AWS_SESSION_TOKEN", canary(" session/+="))
    token = token_for(ACCOUNT)
    fields = dict(parse_qsl(urlsplit(f"https://{token}").query))
    assert hmac.compare_digest(fields["X-Amz-Security-Token"], canary(" session/+="))
    assert hmac.compare_digest(fields["X-Amz-Signature"], signature(token, "us-east-1"))


@pytest.mark.usefixtures("signing")
def test_user_and_token_come_from_one_read_and_show_nowhere() -> None:
    found = AwsRdsIam({}).fetch(ACCOUNT, PATIENCE)
    assert found.value("username") == Secret("app")
    assert found.value(None) == found.value("authtoken")
    assert found.version in found.value("authtoken").reveal()
    assert found.value("authtoken").reveal() not in repr(found)
    with pytest.raises(KeyNotFound, match="its keys are: authtoken, username"):
        found.value("password")


def test_nothing_is_asked_of_anybody(signing: pytest.MonkeyPatch) -> None:
    with OneAnswer("500 x") as server:
        signing.setenv("AWS_ENDPOINT_URL", f"http://{server.place}")
        token_for(ACCOUNT)
        assert server.requests == []


@pytest.mark.usefixtures("signing")
def test_a_region_that_nobody_names_is_asked_for() -> None:
    with pytest.raises(ProviderMisconfigured, match=r"AWS_REGION is not set; .* RDS's own host"):
        token_for("app@db.example.com:5432")


def test_credentials_that_are_missing_are_told(signing: pytest.MonkeyPatch) -> None:
    signing.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(ProviderMisconfigured, match="no AWS credentials were found"):
        token_for(ACCOUNT)


def test_half_a_pair_of_credentials_is_told(signing: pytest.MonkeyPatch) -> None:
    signing.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(ProviderError, match="AWS credentials"):
        token_for(ACCOUNT)


def test_a_web_identity_that_is_refused_is_told(signing: pytest.MonkeyPatch) -> None:
    signing.delenv("AWS_ACCESS_KEY_ID")
    signing.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/web")
    signing.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/dev/null")
    body = b"<ErrorResponse><Error><Code>InvalidIdentityToken</Code></Error></ErrorResponse>"
    with OneAnswer("400 x", body) as server:
        signing.setenv("AWS_ENDPOINT_URL", f"http://{server.place}")
        with pytest.raises(AccessDenied):
            token_for(ACCOUNT)


def test_a_reference_that_was_not_completed_is_told() -> None:
    with pytest.raises(SecretNotFound, match="app names no endpoint; write"):
        read(AwsRdsIam({}), "app")


# -- a role's environment --------------------------------------------------------------------


def complete(**variables: str) -> Environment:
    providers: Mapping[str, type[Splitter]] = {"aws_iam_rds": AwsRdsIam, "envjson": EnvJson}
    parsed = {name: reference.parse(value, providers) for name, value in variables.items()}
    return AwsRdsIam.complete(parsed)


@pytest.mark.parametrize("more", [{}, {"PASS": "_aws_iam_rds:authtoken"}])
def test_the_user_makes_the_password(more: Mapping[str, str]) -> None:
    found = complete(HOST=f"{HOST}.", PORT="5432", DB="app", USER="_aws_iam_rds:app", **more)
    assert found == {
        "HOST": f"{HOST}.",
        "PORT": "5432",
        "DB": "app",
        "USER": Reference("aws_iam_rds", ACCOUNT, "username"),
        "PASS": Reference("aws_iam_rds", ACCOUNT, "authtoken"),
        "REQUIRE_AUTH": "password",
        "SSLMODE": "verify-full",
    }
    literals = {name: value if isinstance(value, str) else None for name, value in found.items()}
    assert check_environment(literals) == []


def test_what_is_given_stays() -> None:
    found = complete(
        HOST=HOST, PORT="5432", USER="_aws_iam_rds:app", SSLMODE="verify-ca", REQUIRE_AUTH="md5"
    )
    assert (found["SSLMODE"], found["REQUIRE_AUTH"]) == ("verify-ca", "md5")


def test_an_environment_without_such_a_reference_is_left_alone() -> None:
    given = {"HOST": HOST, "USER": "app", "PASS": "_envjson:PG:password"}
    assert complete(**given).keys() == given.keys()


def test_a_reference_may_name_another_endpoint_than_host() -> None:
    """A tunnel: the token is for the endpoint, the connection goes to the tunnel's near end."""
    found = complete(HOST="127.0.0.1", USER=f"_aws_iam_rds:{ACCOUNT}")
    assert found["USER"] == Reference("aws_iam_rds", ACCOUNT, "username")
    assert found["PASS"] == Reference("aws_iam_rds", ACCOUNT, "authtoken")


def test_a_reference_with_its_endpoint_may_stand_anywhere() -> None:
    found = complete(TOKEN=f"_aws_iam_rds:{ACCOUNT}", WHO=f"_aws_iam_rds:{ACCOUNT}:username")
    assert found["TOKEN"] == Reference("aws_iam_rds", ACCOUNT, None)
    assert found["WHO"] == Reference("aws_iam_rds", ACCOUNT, "username")


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"HOST": None}, "HOST must be RDS's own name here"),
        ({"HOST": "_envjson:PG:host"}, "HOST must be RDS's own name here, and no reference"),
        ({"HOST": "/run/postgresql"}, "HOST must be RDS's own name here"),
        ({"PORT": None}, "PORT must be given as a number here"),
        ({"PORT": "_envjson:PG:port"}, "PORT must be given as a number here"),
        ({"PORT": "postgres"}, "PORT must be given as a number here"),
        ({"PASS": "_envjson:PG:password"}, "PASS is made by _aws_iam_rds: in USER; leave it out"),
        ({"PASS": "literal"}, "PASS is made by _aws_iam_rds: in USER; leave it out"),
        ({"USER": "app", "PASS": "_aws_iam_rds:authtoken"}, "PASS names no endpoint; write"),
        ({"DB": "_aws_iam_rds:app"}, "DB names no endpoint; write"),
    ],
)
def test_a_mistake_begins_with_its_variable(
    variables: Mapping[str, str | None], sentence: str
) -> None:
    usual: dict[str, str | None] = {"HOST": HOST, "PORT": "5432", "USER": "_aws_iam_rds:app"}
    given = {name: value for name, value in (usual | dict(variables)).items() if value is not None}
    with pytest.raises(ValueError, match=f"^{sentence}"):
        complete(**given)


@pytest.mark.parametrize("text", ["", "app:password", f"{ACCOUNT}:password", "app@host:port"])
def test_what_names_no_user_is_refused_at_load(text: str) -> None:
    with pytest.raises(ValueError, match="names no database user; write USER = _aws_iam_rds:"):
        AwsRdsIam.split(text)
