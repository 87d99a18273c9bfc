"""A password changes in OpenBao and in PostgreSQL: nobody notices."""

from collections.abc import Iterator
from itertools import count

import pytest

from proxy.demo.openbao import OpenBao
from proxy.demo.postgres import EmbeddedPostgres
from tests.end_to_end.conftest import StartKeyless, Store
from tests.end_to_end.gate import Gate
from tests.keyless import role
from tests.secrecy import CANARY, canary
from tests.wire import Wire, refusal

_names = (f"rotating_{n}" for n in count())
Secret = tuple[dict[str, str], dict[str, str]]


@pytest.fixture
def account(latest_postgres: EmbeddedPostgres) -> Iterator[str]:
    """A PostgreSQL account of the test's own, with the canary as its password."""
    name = next(_names)
    latest_postgres.execute(f"CREATE USER {name} PASSWORD '{CANARY}'")
    yield name
    latest_postgres.execute(f"DROP USER {name}")


@pytest.fixture
def secret(openbao: OpenBao, account: str, store: Store) -> Secret:
    """The role's variables, and for Keyless a token that reads this secret and no other."""
    openbao.client.sys.create_or_update_policy(
        account, f'path "secret/data/{account}" {{ capabilities = ["read"] }}'
    )
    token = openbao.client.auth.token.create(policies=[account])["auth"]["client_token"]
    keys = {"USER": "username", "PASS": "password"}
    references = {name: f"_vaultkv2:secret/data/{account}:{key}" for name, key in keys.items()}
    return references, {"VAULT_ADDR": openbao.address, "VAULT_TOKEN": token}


def _change(server: EmbeddedPostgres, account: str, password: str) -> None:
    server.execute(f"ALTER ROLE {account} PASSWORD '{password}'")


def test_the_next_session_is_in_and_open_ones_go_on(
    secret: Secret,
    account: str,
    store: Store,
    latest_postgres: EmbeddedPostgres,
    start_keyless: StartKeyless,
) -> None:
    variables, environment = secret
    keyless = start_keyless(role("app", latest_postgres, **variables), environment)
    audit = keyless.audit()
    with Wire(keyless.places["app"]).log_in("app") as before:
        store(canary("-2"))
        _change(latest_postgres, account, canary("-2"))
        with Wire(keyless.places["app"]).log_in("app") as after:
            for session in (before, after):
                assert session.query("SELECT current_user") == [account.encode()]
    first, second = audit.wait("secret.read", 2)
    assert (first["version"], second["version"]) == ("1", "2")
    assert (first["keys"], first["secret"]) == (["username", "password"], f"secret/data/{account}")
    assert audit.events("login.retry") == []


def test_a_refused_login_is_read_anew_and_tried_once_more(
    secret: Secret,
    account: str,
    store: Store,
    latest_postgres: EmbeddedPostgres,
    start_keyless: StartKeyless,
) -> None:
    """The rotation comes between the first read and the first login."""

    def rotate(connection: int) -> None:
        if connection == 1:
            store(canary("-2"))
            _change(latest_postgres, account, canary("-2"))

    variables, environment = secret
    with Gate(latest_postgres.port, rotate) as gate:
        keyless = start_keyless(role("app", gate.port, **variables), environment)
        audit = keyless.audit()
        with Wire(keyless.places["app"]).log_in("app") as session:
            assert session.query("SELECT current_user") == [account.encode()]
        assert gate.connections == 2
    audit.wait("session.end")
    names = [event["event"] for event in audit.events() if event["event"] != "postgres.query"]
    reads = ["secret.read", "secret.read"]
    assert names == [*reads, "login.retry", "session.start", "session.end"]
    (retry,) = audit.events("login.retry")
    assert (retry["attempt"], retry["code"], retry["versions"]) == (2, "28P01", ["2"])


def test_five_logins_are_all_that_upstream_sees(
    secret: Secret,
    account: str,
    store: Store,
    latest_postgres: EmbeddedPostgres,
    start_keyless: StartKeyless,
) -> None:
    """However often the secret changes: far below any lockout."""
    _change(latest_postgres, account, canary("-elsewhere"))
    variables, environment = secret
    with Gate(latest_postgres.port, lambda n: store(canary(f"-{n}"))) as gate:
        keyless = start_keyless(role("app", gate.port, **variables), environment)
        assert refusal(keyless.places["app"], "app").code == "28000"
        assert gate.connections == 5


def test_an_unchanged_secret_is_not_tried_twice(
    secret: Secret,
    account: str,
    latest_postgres: EmbeddedPostgres,
    start_keyless: StartKeyless,
) -> None:
    _change(latest_postgres, account, canary("-elsewhere"))
    variables, environment = secret
    with Gate(latest_postgres.port) as gate:
        keyless = start_keyless(role("app", gate.port, **variables), environment)
        audit = keyless.audit()
        assert refusal(keyless.places["app"], "app").code == "28000"
        assert gate.connections == 1
    audit.wait("session.denied")
    reads = audit.events("secret.read")
    assert [read["stage"] for read in reads[:4]] == ["current", "current", "previous", "current"]
    assert {(read["stage"], read["version"]) for read in reads} == {
        ("current", "1"),
        ("previous", ""),
    }
    assert audit.events("login.retry") == []


def test_the_proxy_recovers_when_the_provider_has_caught_up(
    secret: Secret,
    account: str,
    store: Store,
    latest_postgres: EmbeddedPostgres,
    start_keyless: StartKeyless,
) -> None:
    _change(latest_postgres, account, canary("-2"))
    variables, environment = secret
    keyless = start_keyless(role("app", latest_postgres, **variables), environment)
    assert refusal(keyless.places["app"], "app").code == "28000"
    store(canary("-2"))
    with Wire(keyless.places["app"]).log_in("app") as session:
        assert session.query("SELECT 1") == [b"1"]
