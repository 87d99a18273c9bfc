"""The tables' defaults and bounds."""

import pytest
from pydantic import ValidationError

from protocols.api import TcpEndpoint
from proxy.config.schema import File, RoleTable


def test_the_defaults() -> None:
    file = File.model_validate({"roles": {"app": {}}})
    assert (file.audit.path, file.log_level, file.limits.sessions) == ("audit.jsonl", "info", 10000)
    assert file.workers == 1
    timeouts = file.timeouts
    assert (timeouts.client, timeouts.secret, timeouts.upstream, timeouts.shutdown) == (
        30,
        10,
        15,
        10,
    )
    assert file.allow_unauthenticated is False
    secrets = file.secrets
    assert (secrets.cache_ttl, secrets.stale_if_error) == (0, 0)  # nothing is kept
    assert (secrets.rotation_wait, secrets.reads_at_once, secrets.leases) == (2, 16, "leases")
    assert file.metrics.listen is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"roles": {}},
        {"roles": {"a": {}}, "timeouts": {"client": 0}},
        {"roles": {"a": {}}, "timeouts": {"shutdown": -1}},
        {"roles": {"a": {}}, "timeouts": {"secret": 3601}},
        {"roles": {"a": {}}, "limits": {"sessions": 0}},
        {"roles": {"a": {}}, "workers": 0},
        {"roles": {"a": {}}, "workers": 65},
        {"roles": {"a": {}}, "log_level": "loud"},
        {"roles": {"a": {}}, "audit": {"file": "x"}},
        {"roles": {"a": {}}, "more": 1},
        {"roles": {"a": {}}, "secrets": {"cache_ttl": -1}},
        {"roles": {"a": {}}, "secrets": {"cache_ttl": 86_401}},
        {"roles": {"a": {}}, "secrets": {"stale_if_error": -1}},
        {"roles": {"a": {}}, "secrets": {"stale_if_error": 86_401}},
        {"roles": {"a": {}}, "secrets": {"rotation_wait": -1}},
        {"roles": {"a": {}}, "secrets": {"rotation_wait": 61}},
        {"roles": {"a": {}}, "secrets": {"reads_at_once": 0}},
        {"roles": {"a": {}}, "secrets": {"reads_at_once": 257}},
        {"roles": {"a": {}}, "secrets": {"ttl": 1}},
        {"roles": {"a": {}}, "metrics": {"port": 9090}},
    ],
)
def test_out_of_bounds(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        File.model_validate(wrong)


def test_a_roles_own_settings_are_kept_for_its_kind() -> None:
    table = RoleTable.model_validate(
        {"kind": "postgres", "listen": "127.0.0.1:1", "databases": ["a"], "env": {"PORT": 5432}}
    )
    assert table.listen == TcpEndpoint("127.0.0.1", 1)
    assert table.model_extra == {"databases": ["a"]}
    assert table.env == {"PORT": 5432}
    assert (table.allow.users, table.allow.groups) == ((), ())


def test_what_a_listener_cannot_be() -> None:
    for listen in (5432, True, ["127.0.0.1:1"], "nowhere"):
        with pytest.raises(ValidationError):
            RoleTable.model_validate({"kind": "postgres", "listen": listen})
