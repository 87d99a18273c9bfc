"""RDS IAM tokens: `_aws_iam_rds:DB_USER` as a role's USER makes its PASS as well.

A token is a password of fifteen minutes, signed here for one user, host and port: nothing is asked
of RDS. Where HOST is not the endpoint itself, as in a tunnel, the reference says it all:
`_aws_iam_rds:DB_USER@ENDPOINT:PORT`. Beside USER, that is the token.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qs

from providers.api import Secret, SecretVersion, Stage
from providers.aws import Aws
from providers.aws_rds_names import RdsAccount, host_of
from providers.errors import SecretNotFound
from providers.reference import Reference

if TYPE_CHECKING:
    from providers.aws_client import AwsClients

_USERNAME, _TOKEN = "username", "authtoken"
_WITH_KEY = re.compile(rf"(.+):({_USERNAME}|{_TOKEN})", re.DOTALL)
# RDS asks for a token in clear text, so the server must have proven itself.
_DEFAULTS = {"REQUIRE_AUTH": "password", "SSLMODE": "verify-full"}
_LEFT_TO_US = (None, Reference("aws_iam_rds", _TOKEN, None))  # the latter is hoop's way to say it

Environment = Mapping[str, str | Reference]


class AwsRdsIam(Aws):
    """Makes tokens, in the region that the endpoint's name says, or else that of the settings."""

    name: ClassVar[str] = "aws_iam_rds"
    makes_secrets: ClassVar[bool] = True

    @classmethod
    def split(cls, text: str) -> tuple[str, str | None]:
        match = _WITH_KEY.fullmatch(text)
        secret, key = match.groups() if match else (text, None)
        if RdsAccount.parse(secret) is None and (not text or ":" in text):
            raise ValueError(
                "names no database user; write USER = _aws_iam_rds:DB_USER, or, where HOST is not "
                "RDS's own name, _aws_iam_rds:DB_USER@ENDPOINT:PORT"
            )
        return secret, key

    @classmethod
    def complete(cls, environment: Environment) -> Environment:
        """USER and PASS with all that a token is made for, and what a token needs to be sent."""
        ours = {
            name: value
            for name, value in environment.items()
            if isinstance(value, Reference) and value.provider == cls.name
        }
        if not ours:
            return environment
        return _DEFAULTS | dict(environment) | dict(_completed(ours, environment))

    def _read(self, clients: "AwsClients", secret: str, stage: Stage) -> SecretVersion:
        account = RdsAccount.parse(secret)
        if account is None:
            raise SecretNotFound(f"{secret} names no endpoint; write DB_USER@ENDPOINT:PORT")
        token: str = clients.rds(account.region).generate_db_auth_token(
            account.host, account.port, account.user
        )
        signed_at = parse_qs(token)["X-Amz-Date"][0]
        keys = {_USERNAME: Secret(account.user), _TOKEN: Secret(token)}
        return SecretVersion(keys, keys[_TOKEN], signed_at)


def _completed(
    ours: Mapping[str, Reference], environment: Environment
) -> Iterator[tuple[str, Reference]]:
    """Raises ValueError, beginning with the name of the variable that is wrong."""
    made = set()
    if "USER" in ours:
        made = {"USER", "PASS"}
        if environment.get("PASS") not in _LEFT_TO_US:
            raise ValueError("PASS is made by _aws_iam_rds: in USER; leave it out")
        user = ours["USER"].secret
        account = str(RdsAccount.parse(user) or _account(user, environment))
        yield "USER", Reference(AwsRdsIam.name, account, _USERNAME)
        yield "PASS", Reference(AwsRdsIam.name, account, _TOKEN)
    for name in ours.keys() - made:
        if RdsAccount.parse(ours[name].secret) is None:
            raise ValueError(f"{name} names no endpoint; write _aws_iam_rds:DB_USER@ENDPOINT:PORT")


def _account(user: str, environment: Environment) -> RdsAccount:
    host, port = environment.get("HOST"), environment.get("PORT")
    signed = host_of(host) if isinstance(host, str) else None
    if signed is None:
        raise ValueError(
            "HOST must be RDS's own name here, and no reference, for a token is made for one host"
        )
    if not (isinstance(port, str) and port.isascii() and port.isdigit()):
        raise ValueError(
            "PORT must be given as a number here, for a token is made for one port; RDS's usual "
            "ones are 5432 for PostgreSQL and 3306 for MySQL"
        )
    return RdsAccount(user, signed, int(port))
