"""What clients are offered, and what both sides know they have agreed on."""

import pytest

from protocols.mysql.capabilities import Agreed, Capability, from_wire, offered, to_wire
from tests.protocols.mysql.server import (
    COMPRESS,
    EXPIRED,
    LOCAL_FILES,
    MARIADB,
    MARIADB_EXTENSION,
    MFA,
    MYSQL,
    QUERY_ATTRIBUTES,
    SSL,
    ZSTD,
)


def test_a_client_is_offered_what_upstream_offers() -> None:
    offer = offered(Capability(MYSQL), "9.7.4", local_files=True)
    # Not: expired passwords, several factors, and the two that clients keep to themselves.
    assert offer == MYSQL & ~(EXPIRED | MFA | 1 << 30 | 1 << 31)


def test_mariadbs_own_flags_are_offered_too() -> None:
    upstream = from_wire(MARIADB, MARIADB_EXTENSION | 1 << 1 | 1 << 6)
    offer = offered(upstream, "5.5.5-10.11.19-MariaDB", local_files=True)
    assert to_wire(offer) == (MARIADB & ~(EXPIRED | 1 << 31) | SSL, MARIADB_EXTENSION)


def test_a_client_has_tls_and_a_database_whatever_upstream_can() -> None:
    offer = offered(Capability.PROTOCOL_41, "4.1.22", local_files=True)
    names = "PROTOCOL_41 SECURE_CONNECTION SSL CONNECT_WITH_DB PLUGIN_AUTH CONNECT_ATTRS"
    expected = Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA
    for name in names.split():
        expected |= Capability[name]
    assert offer == expected


@pytest.mark.parametrize(
    ("version", "has_them"),
    [
        ("9.7.4", True),
        ("8.0.26", True),
        ("8.0.26-commercial", True),
        ("8.0.25", False),
        ("8.0.3-rc-log", False),
        ("5.7.25-TiDB-v7.5.0", False),
        ("something else", False),
        ("8.0", False),
    ],
)
def test_query_attributes_need_a_server_that_reads_them(version: str, has_them: bool) -> None:
    offer = offered(Capability(MYSQL), version, local_files=True)
    assert bool(offer & QUERY_ATTRIBUTES) is has_them


def test_a_role_may_keep_clients_from_sending_files() -> None:
    offer = offered(Capability(MYSQL), "9.7.4", local_files=False)
    assert not offer & LOCAL_FILES


def test_the_extension_means_something_to_mariadb_only() -> None:
    assert from_wire(0, 0x10) == Capability.CACHE_METADATA
    assert from_wire(1, 0x10) == Capability.LONG_PASSWORD


@pytest.mark.parametrize(
    ("flags", "algorithm"),
    [(0, None), (COMPRESS, "zlib"), (ZSTD, "zstd"), (COMPRESS | ZSTD, "zlib")],
)
def test_the_algorithm_that_both_servers_would_take(flags: int, algorithm: str | None) -> None:
    assert Agreed(Capability(flags), "9.7.4", False, 45, 1, b"").compression == algorithm
