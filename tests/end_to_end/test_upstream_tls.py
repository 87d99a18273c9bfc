"""SSLMODE allow and prefer on a server that wants some with TLS, some without, and some not at
all.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path

import pytest

from tests.keyless import WRONG_PASSWORD, Keyless, role
from tests.servers.authority import Authority
from tests.servers.postgres import PostgresServers
from tests.wire import Wire, cancel_request, query, refusal

_HBA = (
    "hostssl all tls_user 127.0.0.1/32 scram-sha-256",
    "hostnossl all scram_user 127.0.0.1/32 scram-sha-256",
    "host all clear_user 127.0.0.1/32 password",
)
_MODES = ("disable", "allow", "prefer", "require")
_PREFERENCES = ("allow", "prefer")


@pytest.fixture(scope="module")
def proxy(
    artefacts: Path, postgres_servers: PostgresServers, authority: Authority
) -> Iterator[Keyless]:
    """A role USER-MODE for each user and mode, and others whose login fails."""
    certificate = authority.issue("server", "127.0.0.1")
    files = {"server.crt": certificate.certificate, "server.key": certificate.key}
    old = {"ssl_min_protocol_version": "TLSv1", "ssl_max_protocol_version": "TLSv1.1"}
    with ExitStack() as stack:
        server, old_server = (
            stack.enter_context(
                postgres_servers.fresh(15, hba=_HBA, files=files, settings={"ssl": "on", **more})
            )
            for more in ({}, old)
        )
        roles = [
            role(f"{user}-{mode}", server, USER=user, SSLMODE=mode)
            for user, mode in product(("tls_user", "scram_user", "trust_user"), _MODES)
        ]
        for mode in _PREFERENCES:
            wrong = {"USER": "tls_user" if mode == "allow" else "scram_user"}
            roles += [
                role(f"wrong-{mode}", server, SSLMODE=mode, PASS=WRONG_PASSWORD, **wrong),
                role(f"broken-{mode}", old_server, SSLMODE=mode),
            ]
        roles.append(role("broken-require", old_server, SSLMODE="require"))
        yield stack.enter_context(Keyless(artefacts / "upstream-tls", "".join(roles)))


def _tls(proxy: Keyless, name: str) -> str:
    """What the session has to upstream, as upstream itself sees it too."""
    audit = proxy.audit()
    with Wire(proxy.places[name]).log_in(name) as client:
        seen = client.query("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    told: str = audit.one("session.start", role=name)["facts"]["tls"]
    assert told == (seen[0].decode() or "none")
    return told


@pytest.mark.parametrize(("user", "tls"), [("tls_user", "TLSv1.3"), ("scram_user", "none")])
@pytest.mark.parametrize("mode", _PREFERENCES)
def test_both_find_the_way_that_the_server_leaves_open(
    proxy: Keyless, user: str, tls: str, mode: str
) -> None:
    assert _tls(proxy, f"{user}-{mode}") == tls


@pytest.mark.parametrize("name", ["tls_user-disable", "scram_user-require"])
def test_others_do_not_look_for_it(proxy: Keyless, name: str) -> None:
    audit = proxy.audit()
    refused = refusal(proxy.places[name], name)
    assert refused.code == "28000"
    detail = audit.one("session.denied", role=name)["detail"]
    assert detail.startswith("28000 no pg_hba.conf entry for host")
    assert "; " not in detail


@pytest.mark.parametrize("mode", _PREFERENCES)
def test_who_is_turned_away_in_both_ways_reads_of_both(proxy: Keyless, mode: str) -> None:
    name = f"trust_user-{mode}"
    audit = proxy.audit()
    assert refusal(proxy.places[name], name).code == "28000"
    told = audit.one("session.denied", role=name)["detail"].split("; ")
    ways = ["no encryption", "SSL encryption"]
    assert [line.rpartition(", ")[2] for line in told] == (ways if mode == "allow" else ways[::-1])


@pytest.mark.parametrize("mode", _PREFERENCES)
def test_a_wrong_password_is_tried_in_one_way_only(proxy: Keyless, mode: str) -> None:
    name = f"wrong-{mode}"
    audit = proxy.audit()
    assert refusal(proxy.places[name], name).code == "28000"
    first, second = audit.one("session.denied", role=name)["detail"].split("; ")
    assert first.startswith("28000 no pg_hba.conf entry for host")
    assert second.startswith("28P01 password authentication failed")


@pytest.mark.parametrize("mode", _PREFERENCES)
def test_tls_that_does_not_work_is_gone_without(proxy: Keyless, mode: str) -> None:
    assert _tls(proxy, f"broken-{mode}") == "none"


def test_tls_that_does_not_work_is_the_end_where_it_is_demanded(proxy: Keyless) -> None:
    refused = refusal(proxy.places["broken-require"], "broken-require")
    assert refused.code == "08006"
    assert refused.sentence == ('upstream of role "broken-require": TLS could not be established')


@pytest.mark.parametrize("name", ["tls_user-allow", "scram_user-prefer", "tls_user-prefer"])
def test_a_cancel_request_goes_the_way_of_its_session(proxy: Keyless, name: str) -> None:
    with Wire(proxy.places[name]).log_in(name) as session:
        session.send(query("SELECT pg_sleep(30)"))
        with Wire(proxy.places[name]) as canceller:
            canceller.send(cancel_request(session.key))
            assert canceller.is_closed()
        with pytest.raises(Exception, match="57014"):
            session.until(b"Z")
