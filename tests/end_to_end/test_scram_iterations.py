"""How much work real servers may ask of a login: as little as they like, and as much as the role
allows.
"""

from collections.abc import Iterator

import pytest

from proxy.demo.postgres import EmbeddedPostgres
from tests.end_to_end.conftest import StartKeyless
from tests.keyless import role
from tests.secrecy import CANARY
from tests.wire import Wire, refusal

_COUNTS = (1, 100_000, 100_001)


@pytest.fixture(scope="module")
def server(latest_postgres: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    """With an account for each count of iterations."""
    for count in _COUNTS:
        latest_postgres.execute(
            f"SET scram_iterations = {count}; CREATE USER scram_{count} PASSWORD '{CANARY}'"
        )
    yield latest_postgres
    for count in _COUNTS:
        latest_postgres.execute(f"DROP USER scram_{count}")


def test_a_servers_work_is_done_within_bounds(
    start_keyless: StartKeyless, server: EmbeddedPostgres
) -> None:
    roles = [role(f"scram_{count}", server, USER=f"scram_{count}") for count in _COUNTS]
    more = "max_scram_iterations = 100001"
    roles.append(role("more", server, settings=more, USER="scram_100001"))
    keyless = start_keyless("".join(roles))
    for name in ("scram_1", "scram_100000", "more", "more"):
        with Wire(keyless.places[name]).log_in(name) as session:
            assert session.query("SELECT 1") == [b"1"]
    refused = refusal(keyless.places["scram_100001"], "scram_100001")
    assert refused.code == "08006"
    assert refused.sentence == (
        'upstream of role "scram_100001" failed the login: it asks for 100001 SCRAM iterations; '
        "1 to 100000 are accepted (max_scram_iterations)"
    )
