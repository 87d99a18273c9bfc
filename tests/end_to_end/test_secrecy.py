"""Sessions of every kind, good and bad, with all that clients receive recorded.

Nothing is asserted of the secret here: the suite's guard searches the recordings, the logs and the
audit files, and fails the run where it finds it. Keyless talks as much as it can.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.demo.openbao import OpenBao
from proxy.demo.postgres import EmbeddedPostgres
from tests.end_to_end.programs import run
from tests.keyless import COMMAND, WRONG_PASSWORD, Keyless, environment, role
from tests.secrecy import CANARY, find_in_file
from tests.servers.misbehaving import OneAnswer
from tests.servers.recorder import Recorder
from tests.wire import Refused, Wire, message, query, refusal

_VAULT = "_vaultkv2:secret/data/secrecy:{}"


@pytest.fixture(scope="module")
def no_database() -> Iterator[int]:
    """A server that is no PostgreSQL."""
    with OneAnswer("200 OK", b"hello") as web:
        yield int(web.place.rpartition(":")[2])


@pytest.fixture(scope="module")
def proxy(
    artefacts: Path, latest_postgres: EmbeddedPostgres, openbao: OpenBao, no_database: int
) -> Iterator[Keyless]:
    secret = {"password": CANARY, "weird": CANARY + "\0\n", "port": CANARY}
    openbao.client.secrets.kv.v2.create_or_update_secret("secrecy", secret)
    roles = [
        'log_level = "debug"\n[timeouts]\nclient = 1\n',
        role("good", latest_postgres),
        role("vault", latest_postgres, PASS=_VAULT.format("password")),
        role("md5", latest_postgres, USER="md5_user", REQUIRE_AUTH="md5"),
        role("trust", latest_postgres, USER="trust_user", REQUIRE_AUTH="none"),
        role("wrong", latest_postgres, PASS=WRONG_PASSWORD),
        role("clear", latest_postgres, USER="clear_user", REQUIRE_AUTH="password"),
        role("key", latest_postgres, PASS=_VAULT.format(CANARY[:4])),
        role("nul", latest_postgres, PASS=_VAULT.format("weird")),
        role("port", latest_postgres, PORT=_VAULT.format("port")),
        role("mode", latest_postgres, SSLMODE=_VAULT.format("port")),
        role("method", latest_postgres, REQUIRE_AUTH=_VAULT.format("port")),
        role("root", latest_postgres, SSLMODE="require", SSLROOTCERT=_VAULT.format("port")),
        role("user", latest_postgres, USER=_VAULT.format("password")),
        role("database", latest_postgres, DB=_VAULT.format("password")),
        role("host", latest_postgres, HOST=_VAULT.format("password")),
        role("text", latest_postgres, PASS="_envjson:KEYLESS_TEST_SECRET_TEXT:password"),
        role("web", no_database),
    ]
    more = {"VAULT_ADDR": openbao.address, "VAULT_TOKEN": openbao.root_token}
    more["KEYLESS_TEST_SECRET_TEXT"] = '{"password": "' + CANARY  # no JSON: its end is missing
    with Keyless(artefacts / "secrecy", "".join(roles), more) as running:
        yield running


_IN = ("good", "vault", "md5", "trust")
_MISTAKEN = ("port", "mode", "method", "root", "user", "database", "host")
_OUT = ("wrong", "clear", "key", "nul", "text", "web", *_MISTAKEN)
_BAD_REQUESTS = (
    query("no SQL at all"),
    query("SELECT 1/0; SELECT * FROM pg_shadow"),
    query("SHOW ALL; SELECT current_setting('no.such')"),
    message(b"?", b"no message at all"),
    b"Q\0\0\0\0",
)


@pytest.mark.parametrize("name", _IN)
def test_a_session_that_is_let_in(proxy: Keyless, artefacts: Path, name: str) -> None:
    with Recorder(proxy.places[name], artefacts, f"secrecy-{name}") as recorder:
        for request in _BAD_REQUESTS:
            with Wire(("127.0.0.1", recorder.port)).log_in(name) as client:
                client.send(request)
                with pytest.raises(Refused):
                    client.until(b"Z")
    recorded = sorted(artefacts.glob(f"secrecy-{name}-*.received"))
    assert len(recorded) == len(_BAD_REQUESTS)
    assert all(file.stat().st_size > 100 for file in recorded)


@pytest.mark.parametrize("name", _OUT)
def test_a_session_that_is_not_let_in(proxy: Keyless, artefacts: Path, name: str) -> None:
    with Recorder(proxy.places[name], artefacts, f"secrecy-{name}") as recorder:
        refusal(("127.0.0.1", recorder.port), name)
    (recorded,) = artefacts.glob(f"secrecy-{name}-*.received")
    assert recorded.read_bytes()[:1] == b"E"


@pytest.mark.parametrize("name", ["user", "database"])
def test_what_upstream_says_of_a_mistaken_role_is_told_without_the_secret(
    proxy: Keyless, name: str
) -> None:
    """It repeats what it was given: `role "..." does not exist`."""
    audit = proxy.audit()
    refusal(proxy.places[name], name)
    assert '"***"' in audit.one("session.denied", role=name)["detail"]


def test_commands_in_front_of_them_all(proxy: Keyless, openbao: OpenBao) -> None:
    """What they print is in the test's own output, where the guard looks too."""
    vault = {"VAULT_ADDR": openbao.address, "VAULT_TOKEN": openbao.root_token}
    for arguments in (["check"], ["check", "--json"], ["roles"], ["roles", "--json"]):
        command = (COMMAND, *arguments, "--config", str(proxy.config))
        done = run(*command, environment=environment(vault))
        print(done.stdout, done.stderr)
        assert done.stdout.count("good") >= 1


def test_the_log_is_as_talkative_as_it_can_be(proxy: Keyless) -> None:
    assert proxy.log.count(" WARNING keyless.session: ") >= len(_OUT)
    assert find_in_file(proxy.config) == []
