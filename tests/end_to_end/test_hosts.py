"""A role with several hosts: a primary, its hot standby, and some that are not there."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from proxy.demo.postgres import EmbeddedPostgres
from tests.end_to_end.conftest import StartKeyless
from tests.keyless import WRONG_PASSWORD, Keyless, role
from tests.servers.misbehaving import refusing_address
from tests.servers.pgbouncer import PgBouncer
from tests.servers.postgres import PostgresServers
from tests.waiting import eventually
from tests.wire import Wire, cancel_request, query, refusal

_REPLICATION = "local replication postgres trust"
_LOGINS = (
    "host all trust_user 127.0.0.1/32 trust",
    "host all all 127.0.0.1/32 scram-sha-256",
)
_TARGETS = ("any", "read-write", "read-only", "primary", "standby", "prefer-standby")


@pytest.fixture(scope="module")
def primary(postgres_servers: PostgresServers) -> Iterator[EmbeddedPostgres]:
    with postgres_servers.fresh(15, hba=(_REPLICATION, *_LOGINS)) as server:
        yield server


@pytest.fixture(scope="module")
def standby(
    postgres_servers: PostgresServers, primary: EmbeddedPostgres
) -> Iterator[EmbeddedPostgres]:
    """One that follows the primary, made of a copy of it."""
    primary.stop()
    source = f"host={primary.socket_directory} port={primary.port} user=postgres"
    follower = postgres_servers.fresh(
        15,
        hba=_LOGINS,
        settings={"primary_conninfo": source},
        files={"standby.signal": ""},
        template=primary.data,
    )
    with follower as server:
        primary.start()
        eventually(lambda: "1" in primary.execute("SELECT count(*) FROM pg_stat_replication"))
        yield server


@pytest.fixture(scope="module")
def poolers(
    primary: EmbeddedPostgres, standby: EmbeddedPostgres
) -> Iterator[tuple[PgBouncer, PgBouncer]]:
    with PgBouncer(primary) as first, PgBouncer(standby) as second:
        yield first, second


@contextmanager
def _nobody() -> Iterator[int]:
    """A port where nobody is."""
    with refusing_address() as place:
        yield int(place.rpartition(":")[2])


@pytest.fixture(scope="module")
def proxy(
    artefacts: Path,
    primary: EmbeddedPostgres,
    standby: EmbeddedPostgres,
    poolers: tuple[PgBouncer, PgBouncer],
) -> Iterator[Keyless]:
    """A role TARGET on primary and standby, pooled-TARGET on PgBouncers before them."""
    places = (primary.port, standby.port)
    pooled = {"USER": "trust_user", "PASS": None, "REQUIRE_AUTH": "none"}
    with ExitStack() as stack:
        nobody = stack.enter_context(_nobody())
        roles = [
            *(_role(target, *places, target=target) for target in _TARGETS),
            *(_role(f"{target}-turned", *places[::-1], target=target) for target in _TARGETS),
            *(
                _role(f"pooled-{target}", *(p.port for p in poolers), target=target, **pooled)
                for target in _TARGETS
            ),
            _role("beyond", nobody, standby.port),
            _role("alone", primary.port, target="standby"),
            _role("nowhere", nobody, standby.port, target="primary"),
            _role("wrong", primary.port, standby.port, PASS=WRONG_PASSWORD),
            _role(
                "unknown", primary.port, HOST="no-such-host.invalid,127.0.0.1", SSLMODE="disable"
            ),
            _role(
                "socket",
                nobody,
                standby.port,
                HOST=f"127.0.0.1,{standby.socket_directory}",
                USER="postgres",
                REQUIRE_AUTH="none",
            ),
        ]
        yield stack.enter_context(Keyless(artefacts / "hosts", "".join(roles)))


def _role(name: str, *ports: int, target: str = "any", **variables: str | None) -> str:
    usual: dict[str, str | None] = {
        "HOST": ",".join(["127.0.0.1"] * len(ports)),
        "PORT": ",".join(map(str, ports)),
        "TARGET_SESSION_ATTRS": target,
    }
    return role(name, 0, **(usual | variables))  # type: ignore[arg-type]


def _is_standby(proxy: Keyless, name: str) -> bool:
    with Wire(proxy.places[name]).log_in(name) as client:
        return client.query("SELECT pg_is_in_recovery()") == [b"t"]


@pytest.mark.parametrize("kind", ["{}", "pooled-{}"])
@pytest.mark.parametrize("target", _TARGETS)
def test_the_host_is_what_the_role_wants(proxy: Keyless, kind: str, target: str) -> None:
    wanted = target in ("read-only", "standby", "prefer-standby")
    assert _is_standby(proxy, kind.format(target)) == wanted


@pytest.mark.parametrize("target", _TARGETS)
def test_of_those_that_are_it_is_the_first(proxy: Keyless, target: str) -> None:
    assert _is_standby(proxy, f"{target}-turned") == (target not in ("read-write", "primary"))


@pytest.mark.parametrize("name", ["primary", "standby"])
def test_the_audit_tells_which_host_it_is(
    proxy: Keyless, primary: EmbeddedPostgres, standby: EmbeddedPostgres, name: str
) -> None:
    audit = proxy.audit()
    assert _is_standby(proxy, name) == (name == "standby")
    chosen = standby if name == "standby" else primary
    facts = audit.one("session.start", role=name)["facts"]
    assert facts["host"] == f"127.0.0.1:{chosen.port}"


@pytest.mark.parametrize("name", ["beyond", "socket", "unknown"])
def test_a_host_that_is_not_there_is_passed_over(proxy: Keyless, name: str) -> None:
    assert _is_standby(proxy, name) == (name != "unknown")


def test_a_cancel_request_goes_to_the_host_of_its_session(proxy: Keyless) -> None:
    with Wire(proxy.places["standby"]).log_in("standby") as session:
        session.send(query("SELECT pg_sleep(30)"))
        with Wire(proxy.places["standby"]) as canceller:
            canceller.send(cancel_request(session.key))
            assert canceller.is_closed()
        with pytest.raises(Exception, match="57014"):
            session.until(b"Z")


def test_a_password_that_the_first_refuses_is_shown_to_no_other(proxy: Keyless) -> None:
    audit = proxy.audit()
    assert refusal(proxy.places["wrong"], "wrong").code == "28000"
    assert audit.one("session.denied", role="wrong")["detail"].startswith("28P01")


def test_where_no_host_will_do_each_says_why(proxy: Keyless, standby: EmbeddedPostgres) -> None:
    audit = proxy.audit()
    refused = refusal(proxy.places["nowhere"], "nowhere")
    assert refused.code == "08006"
    assert refused.sentence == (
        'upstream of role "nowhere": none of its 2 hosts can be used (TARGET_SESSION_ATTRS primary)'
    )
    first, second = audit.one("session.denied", role="nowhere")["detail"].split("; ")
    assert first.endswith(": Connection refused")
    assert second == f"127.0.0.1:{standby.port}: is a standby"


def test_one_host_that_will_not_do_says_so(proxy: Keyless) -> None:
    refused = refusal(proxy.places["alone"], "alone")
    assert refused.code == "08006"
    assert refused.sentence == (
        'upstream of role "alone" is not what the role demands (TARGET_SESSION_ATTRS standby)'
    )


@contextmanager
def _shutting_down(server: EmbeddedPostgres) -> Iterator[None]:
    """It waits for its last client, and takes no other: 57P03."""
    pid = int((server.data / "postmaster.pid").read_text().split()[0])
    with Wire(("127.0.0.1", server.port)).log_in("trust_user", database="app"):
        os.kill(pid, signal.SIGTERM)
        yield
    server.stop()
    server.start()


def test_a_host_that_is_shutting_down_is_passed_over(
    start_keyless: StartKeyless, primary: EmbeddedPostgres, standby: EmbeddedPostgres
) -> None:
    keyless = start_keyless(
        _role("both", primary.port, standby.port) + _role("one", primary.port, primary.port)
    )
    with _shutting_down(primary):
        refused = eventually(lambda: refusal(keyless.places["one"], "one"))
        assert refused.code == "57P03"
        assert refused.sentence == 'upstream of role "one": none of its 2 hosts can be used'
        assert _is_standby(keyless, "both")
