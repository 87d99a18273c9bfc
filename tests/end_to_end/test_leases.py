"""Users that OpenBao makes in PostgreSQL, one for each session: none outlives its session for long,
whatever ends it.
"""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proxy.demo.openbao import OpenBao
from proxy.demo.postgres import EmbeddedPostgres
from tests.end_to_end.conftest import StartKeyless
from tests.end_to_end.programs import run
from tests.keyless import COMMAND, Audit, Keyless, environment, role
from tests.providers.test_vault_database import MAKE_LOGINS, REVOKE, set_up
from tests.providers.vaults import as_root, with_app_role
from tests.servers.misbehaving import refusing_address
from tests.servers.postgres import DATABASE, PostgresServers
from tests.waiting import eventually
from tests.wire import Wire, refusal, startup

Start = Callable[[], Keyless]


@pytest.fixture(scope="module")
def database(openbao: OpenBao, latest_postgres: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    """Where OpenBao makes users, in the roles `app` (for an hour), `brief` (two seconds at a time)
    and `last` (four seconds)."""
    set_up(openbao, latest_postgres)
    yield latest_postgres
    openbao.client.sys.disable_secrets_engine("database")
    eventually(lambda: not users(latest_postgres))
    latest_postgres.execute("DROP ROLE vault")


@pytest.fixture
def journals(artefacts: Path, request: pytest.FixtureRequest) -> Path:
    """The folder that all proxies of a test share."""
    return artefacts / f"leases-{request.node.name}"


@pytest.fixture
def start(
    database: EmbeddedPostgres, openbao: OpenBao, journals: Path, start_keyless: StartKeyless
) -> Start:
    """A proxy that may do in Vault what the documentation says and no more."""
    policy = MAKE_LOGINS + REVOKE
    vault = with_app_role(openbao, policy=policy)
    return lambda: start_keyless(configuration(database, journals), vault)


@pytest.fixture(autouse=True)
def _nobody_is_left(database: EmbeddedPostgres) -> Iterator[None]:
    assert not users(database)
    yield
    assert not users(database)


def configuration(database: EmbeddedPostgres, journals: Path) -> str:
    with refusing_address() as closed:
        nowhere = int(closed.rpartition(":")[2])
    roles = [made_by(name, database) for name in ("app", "brief", "last")]
    roles.append(made_by("down", nowhere, "app"))
    roles.append(made_by("half", database, "app", "_envjson:KEYLESS_TEST_SECRET_NONE:database"))
    return f'[timeouts]\nsecret = 3\n[secrets]\nleases = "{journals}"\n' + "".join(roles)


def made_by(
    name: str, server: EmbeddedPostgres | int, maker: str = "", database: str = DATABASE
) -> str:
    """A role whose users OpenBao's role `maker`, or the one of the same name, makes."""
    made = f"_vaultdb:database/creds/{maker or name}"
    return role(name, server, USER=f"{made}:username", PASS=f"{made}:password", DB=database)


def users(database: EmbeddedPostgres) -> set[str]:
    return set(
        database.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'v-%'").splitlines()
    )


def user_of(session: Wire) -> str:
    (name,) = session.query("SELECT current_user")
    return name.decode()


def noted(journals: Path) -> str:
    return "".join(path.read_text() for path in journals.glob("*"))


def test_each_session_is_a_user_of_its_own_and_takes_it_along(
    start: Start, database: EmbeddedPostgres, journals: Path
) -> None:
    keyless = start()
    with Wire(keyless.places["app"]).log_in("app") as staying:
        with Wire(keyless.places["app"]).log_in("app") as leaving:
            here = {user_of(staying), user_of(leaving)}
            assert len(here) == 2
            assert users(database) == here
        eventually(lambda: users(database) == {user_of(staying)})
    eventually(lambda: not users(database))
    assert keyless.stop() == 0
    assert list(journals.iterdir()) == []


def test_the_journal_holds_no_credential(start: Start, journals: Path) -> None:
    """The guard searches for passwords that it knows; these it does not."""
    keyless = start()
    with Wire(keyless.places["app"]).log_in("app") as session:
        user = user_of(session)
        told = noted(journals)
        assert "database/creds/app/" in told
        assert user not in told + keyless.log + keyless.audit_path.read_text()
        (journal,) = journals.iterdir()
        assert journal.stat().st_mode & 0o077 == journals.stat().st_mode & 0o077 == 0
    keyless.stop()


def test_a_user_lives_as_long_as_its_session(start: Start, database: EmbeddedPostgres) -> None:
    keyless = start()
    with Wire(keyless.places["brief"]).log_in("brief") as session:
        user = user_of(session)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            assert users(database) == {user}
            time.sleep(0.25)
        assert user_of(session) == user
    eventually(lambda: not users(database), seconds=2)
    assert "was not renewed" not in keyless.log


def test_a_session_outlives_a_user_that_cannot_be_renewed(
    start: Start, database: EmbeddedPostgres
) -> None:
    keyless = start()
    with Wire(keyless.places["last"]).log_in("last") as session:
        eventually(lambda: not users(database))
        assert session.query("SELECT 1") == [b"1"]
    assert keyless.stop() == 0
    assert "Traceback" not in keyless.log


def test_what_a_killed_proxy_leaves_is_ended_by_the_next(
    start: Start, database: EmbeddedPostgres, journals: Path
) -> None:
    """And nothing of one that lives."""
    killed, living = start(), start()
    with (
        Wire(killed.places["app"]).log_in("app"),
        Wire(killed.places["app"]).log_in("app"),
        Wire(living.places["app"]).log_in("app") as session,
    ):
        killed.stop(signal.SIGKILL)
        assert len(users(database)) == 3
        following = start()
        eventually(lambda: users(database) == {user_of(session)})
        assert len(list(journals.iterdir())) == 1
    eventually(lambda: not users(database))
    assert (living.stop(), following.stop()) == (0, 0)
    assert list(journals.iterdir()) == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_proxy_that_stops_leaves_nobody(
    start: Start, database: EmbeddedPostgres, journals: Path, how: signal.Signals
) -> None:
    keyless = start()
    with Wire(keyless.places["app"]).log_in("app"), Wire(keyless.places["app"]).log_in("app"):
        assert len(users(database)) == 2
        assert keyless.stop(how) == 0
    assert not users(database)
    assert list(journals.iterdir()) == []


def test_a_client_that_is_refused_leaves_nobody(start: Start, database: EmbeddedPostgres) -> None:
    keyless = start()
    audit = keyless.audit()
    assert refusal(keyless.places["app"], "app", database="template1").code == "3D000"
    assert refusal(keyless.places["down"], "down").code == "08006"
    assert were_made(audit, 2)
    eventually(lambda: not users(database))


def test_a_client_that_does_not_wait_leaves_nobody(
    start: Start, database: EmbeddedPostgres
) -> None:
    keyless = start()
    audit = keyless.audit()
    for _ in range(5):
        with Wire(keyless.places["app"]) as client:
            client.send(startup(user="app"))
    assert were_made(audit, 5)
    eventually(lambda: not users(database))


def were_made(audit: Audit, count: int) -> bool:
    """Whether so many users were made: else none could be left."""
    versions = {read["version"] for read in audit.wait("secret.read", count)}
    return len(versions - {""}) == count


def test_a_check_leaves_nobody(
    database: EmbeddedPostgres, openbao: OpenBao, journals: Path
) -> None:
    journals.mkdir()
    file = journals / "keyless.toml"
    file.write_text(configuration(database, journals / "leases"))
    for name, code in (("app", 0), ("brief", 0), ("down", 1)):
        given = environment(as_root(openbao))
        done = run(COMMAND, "check", "--config", str(file), name, environment=given)
        assert done.returncode == code, done.stdout
        assert "_vaultdb:database/creds/" in done.stdout
        assert not users(database)
        assert list((journals / "leases").iterdir()) == []


def test_a_provider_that_is_away_at_the_end_is_told_later(
    own_openbao: OpenBao,
    postgres_servers: PostgresServers,
    journals: Path,
    start_keyless: StartKeyless,
) -> None:
    with postgres_servers.fresh(16) as database:
        set_up(own_openbao, database)

        def start() -> Keyless:
            return start_keyless(configuration(database, journals), as_root(own_openbao))

        keyless = start()
        with Wire(keyless.places["app"]).log_in("app"):
            own_openbao.client.sys.seal()
        eventually(lambda: "could not be ended" in keyless.log)
        assert keyless.stop() == 0
        in_vain = start()
        eventually(lambda: "could not be ended" in in_vain.log)
        assert in_vain.stop() == 0
        own_openbao.unseal()
        assert len(users(database)) == 1
        assert "database/creds/app/" in noted(journals)
        start()
        eventually(lambda: not users(database))
        eventually(lambda: not noted(journals))


def test_a_user_that_cannot_be_noted_is_not_used(
    start: Start, database: EmbeddedPostgres, journals: Path
) -> None:
    journals.write_text("a file where the folder should be")
    keyless = start()
    refused = refusal(keyless.places["app"], "app")
    assert str(refused) == '08006 the secrets of role "app" cannot be read now; tell its operator'
    assert "the lease cannot be noted (File exists); make the folder" in keyless.log
    eventually(lambda: not users(database))
    assert "bug in Keyless" not in keyless.log


def test_a_user_that_comes_after_the_refusal_is_ended_too(
    start: Start, database: EmbeddedPostgres
) -> None:
    """Of the role's two secrets, the one that is missing is told of first."""
    keyless = start()
    audit = keyless.audit()
    assert refusal(keyless.places["half"], "half").code == "08006"
    assert {read["error"] is None for read in audit.wait("secret.read", 2)} == {True, False}
    eventually(lambda: not users(database))
