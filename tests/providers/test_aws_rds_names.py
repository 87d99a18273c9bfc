"""An endpoint's name says its region, and an account's text survives being taken apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.aws_rds_names import RdsAccount, host_of

REGIONS = {
    "db.abc123.us-east-1.rds.amazonaws.com": "us-east-1",
    "db.cluster-abc123.eu-central-1.rds.amazonaws.com": "eu-central-1",
    "db.cluster-ro-abc123.ap-southeast-2.rds.amazonaws.com": "ap-southeast-2",
    "db.cluster-custom-abc123.sa-east-1.rds.amazonaws.com": "sa-east-1",
    "pool.proxy-abc123.us-west-2.rds.amazonaws.com": "us-west-2",
    "pool.endpoint.proxy-abc123.us-west-2.rds.amazonaws.com": "us-west-2",
    "db.abc123.us-gov-west-1.rds.amazonaws.com": "us-gov-west-1",
    "db.abc123.rds.us-gov-west-1.amazonaws.com": "us-gov-west-1",
    "db.abc123.us-gov-east-1.rds-fips.amazonaws.com": "us-gov-east-1",
    "db.abc123.rds-fips.us-east-1.amazonaws.com": "us-east-1",
    "db.abc123.rds.cn-north-1.amazonaws.com.cn": "cn-north-1",
    "db.abc123.cn-northwest-1.rds.amazonaws.com.cn": "cn-northwest-1",
    "db.cluster-abc123.rds.cn-northwest-1.amazonaws.com.cn": "cn-northwest-1",
    "db.abc123.rds.us-iso-east-1.c2s.ic.gov": "us-iso-east-1",
    "db.abc123.rds.us-isob-east-1.sc2s.sgov.gov": "us-isob-east-1",
    "db.abc123.eusc-de-east-1.rds.amazonaws.eu": "eusc-de-east-1",
}
SILENT = [
    "db.example.com",
    "127.0.0.1",
    "[::1]",
    "localhost",
    "db.global-abc123.global.rds.amazonaws.com",
    "us-east-1.rds.amazonaws.com",
    "db.abc123.us-east-1.rds.amazonaws.com.attacker.example",
    "db.abc123.us-east-1.rds.example.com",
]


@pytest.mark.parametrize(("host", "region"), REGIONS.items())
def test_an_endpoint_says_its_region(host: str, region: str) -> None:
    assert RdsAccount("app", host, 5432).region == region


@pytest.mark.parametrize("host", SILENT)
def test_another_host_says_none(host: str) -> None:
    assert RdsAccount("app", host, 5432).region is None


@given(
    st.text(min_size=1),
    st.sampled_from([*REGIONS, *SILENT]),
    st.integers(min_value=1, max_value=65_535),
)
def test_an_account_is_read_as_it_was_written(user: str, host: str, port: int) -> None:
    account = RdsAccount(user, host, port)
    assert RdsAccount.parse(str(account)) == account


@pytest.mark.parametrize(
    "text", ["app", "jane@example.com", "app@host", "app@host:", "app@:1", "@host:1", "app@a b:1"]
)
def test_what_names_no_endpoint_is_no_account(text: str) -> None:
    assert RdsAccount.parse(text) is None


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("DB.abc123.US-East-1.rds.amazonaws.com.", "db.abc123.us-east-1.rds.amazonaws.com"),
        ("192.0.2.7", "192.0.2.7"),
        ("::1", "[::1]"),
        ("[2001:DB8::1]", "[2001:db8::1]"),
        ("", None),
        ("/var/run/postgresql", None),
        ("one,two", None),
        ("fe80::1%eth0/..", None),
        ("user@host", None),
    ],
)
def test_a_host_is_written_as_it_is_signed(text: str, host: str | None) -> None:
    assert host_of(text) == host
