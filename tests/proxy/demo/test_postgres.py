"""The demo's PostgreSQL starts anywhere, keeps to itself, and leaves nothing behind."""

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import psycopg
import pytest

from proxy.demo import DemoError
from proxy.demo.postgres import EmbeddedPostgres, bundled
from tests.secrecy import CANARY

_AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as another user")


@pytest.fixture(scope="module")
def binaries() -> Path:
    return bundled()[18]


@pytest.fixture(scope="module")
def server(binaries: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(binaries, settings={"cluster_name": r"it's \ quoted"}) as server:
        server.execute(f"CREATE USER alice PASSWORD '{CANARY}'")
        yield server


def _pid(server: EmbeddedPostgres) -> int:
    return int((server.data / "postmaster.pid").read_text().split("\n", 1)[0])


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place for temporary files that only this test uses, and that every user can enter."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o711)
        monkeypatch.setattr(tempfile, "tempdir", directory)
        yield Path(directory)


def test_the_wheel_has_an_old_and_a_new_version() -> None:
    assert sorted(bundled()) == [16, 18]


def test_a_missing_wheel_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", [])
    with pytest.raises(DemoError, match=r"install keyless\[demo\]"):
        bundled()


def test_missing_binaries_are_told() -> None:
    with pytest.raises(DemoError, match="There is no PostgreSQL in /nowhere"):
        EmbeddedPostgres(Path("/nowhere")).__enter__()


def test_users_log_in_by_scram(server: EmbeddedPostgres) -> None:
    with psycopg.connect(
        host="127.0.0.1",
        port=server.port,
        user="alice",
        password=CANARY,
        dbname="postgres",
        require_auth="scram-sha-256",
    ) as connection:
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)


def test_the_administrator_comes_in_by_the_private_socket_only(server: EmbeddedPostgres) -> None:
    assert server.socket_directory.stat().st_mode & 0o777 == 0o700
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(host="127.0.0.1", port=server.port, user="postgres")


def test_settings_arrive_as_they_were_given(server: EmbeddedPostgres) -> None:
    assert server.execute("SHOW cluster_name") == "it's \\ quoted\n"


def test_it_runs_without_privileges_and_without_our_environment(
    monkeypatch: pytest.MonkeyPatch, binaries: Path
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "ours")
    with EmbeddedPostgres(binaries) as server:
        process = Path(f"/proc/{_pid(server)}")
        assert process.stat().st_uid != 0
        assert b"VAULT_TOKEN" not in (process / "environ").read_bytes()
        assert os.getsid(_pid(server)) != os.getsid(0), "the terminal's Ctrl-C would reach it"


def test_an_error_does_not_repeat_the_statement(server: EmbeddedPostgres) -> None:
    with pytest.raises(DemoError, match=r"<stdin>:2: ERROR:  42601") as raised:
        server.execute(f"SELECT 1;\nCREATE USER bob PASSWORT '{CANARY}'")
    assert "PASSWORT" not in str(raised.value)


@pytest.mark.parametrize("mode", ["smart", "fast", "immediate"])
def test_it_starts_again_on_the_same_port_with_its_data(
    server: EmbeddedPostgres, mode: Literal["smart", "fast", "immediate"]
) -> None:
    port = server.port
    server.stop(mode)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=10)
    server.start()
    assert server.port == port
    assert server.execute("SELECT usename FROM pg_user WHERE usename = 'alice'") == "alice\n"


def test_a_template_is_copied_and_not_used(server: EmbeddedPostgres, binaries: Path) -> None:
    server.stop()
    with EmbeddedPostgres(binaries, template=server.data) as copy:
        server.start()
        copy.execute("DROP USER alice")
    assert server.execute("SELECT count(*) FROM pg_user WHERE usename = 'alice'") == "1\n"


def test_nothing_is_left_behind(binaries: Path, temporary: Path) -> None:
    with EmbeddedPostgres(binaries) as server:
        pid = _pid(server)
        assert list(temporary.iterdir()) == [server.socket_directory]
    assert list(temporary.iterdir()) == []
    assert not Path(f"/proc/{pid}").exists()


def test_nothing_is_left_behind_by_a_server_that_does_not_start(
    binaries: Path, temporary: Path
) -> None:
    with pytest.raises(DemoError, match=r'did not start: .*unrecognized .* "nonsense"'):
        EmbeddedPostgres(binaries, settings={"nonsense": "1"}).__enter__()
    assert list(temporary.iterdir()) == []


@_AS_ROOT
def test_root_may_have_it_where_no_other_user_can_reach(tmp_path: Path, binaries: Path) -> None:
    tmp_path.chmod(0o700)
    wheel = binaries.parents[1]
    for part in (binaries.parent.relative_to(wheel.parent), Path(f"{wheel.name}.libs")):
        shutil.copytree(wheel.parent / part, tmp_path / part, symlinks=True)
    unreachable = tmp_path / binaries.relative_to(wheel.parent)
    with EmbeddedPostgres(unreachable) as server:
        assert server.execute("SELECT 1") == "1\n"


@_AS_ROOT
def test_root_is_told_of_a_temporary_directory_only_root_can_enter(
    temporary: Path, binaries: Path
) -> None:
    temporary.chmod(0o700)
    with pytest.raises(DemoError, match=r"cannot reach .*: set TMPDIR"):
        EmbeddedPostgres(binaries).__enter__()
