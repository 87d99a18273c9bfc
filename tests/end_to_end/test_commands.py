"""Every documented command, run as a user runs it."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from proxy.demo.openbao import OpenBao
from proxy.demo.postgres import EmbeddedPostgres
from tests.end_to_end.conftest import StartKeyless
from tests.end_to_end.programs import NO_FILE, run
from tests.keyless import COMMAND, SECRET, WRONG_PASSWORD, Keyless, environment, role
from tests.secrecy import CANARY
from tests.servers.misbehaving import refusing_address

Done = subprocess.CompletedProcess[str]
_FAKE_PSQL = """#!/bin/sh
env > "$KEYLESS_TEST_DUMP"
echo "$@" >> "$KEYLESS_TEST_DUMP"
exit 7
"""


def _run(*arguments: str, stdin: str = "", more: dict[str, str] | None = None) -> Done:
    given = environment({"PGPASSFILE": NO_FILE, **(more or {})})
    return run(COMMAND, *arguments, stdin=stdin, environment=given)


@pytest.fixture
def config(
    artefacts: Path, latest_postgres: EmbeddedPostgres, request: pytest.FixtureRequest
) -> str:
    """A file with a good role, one without a listener, and ones that do not work."""
    directory = artefacts / f"commands-{request.node.name}".replace("[", "-").strip("]")
    directory.mkdir()
    file = directory / "keyless.toml"
    with refusing_address() as closed:
        text = "[secrets]\nrotation_wait = 0\n"
        text += role("good", latest_postgres, listen=f"unix:{directory}/sockets"[:90])
    text += role("alone", latest_postgres, listen=None)
    text += role("wrong", latest_postgres, listen=None, PASS=WRONG_PASSWORD)
    text += role("down", int(closed.rpartition(":")[2]), listen=None)
    text += role("missing", latest_postgres, listen=None, PASS=f"_envjson:{SECRET}:pasword")
    file.write_text(text)
    return str(file)


def test_version_and_help() -> None:
    assert re.fullmatch(r"keyless, version \d+\.\d+\.\d+\n", _run("--version").stdout)
    told = _run("--help").stdout
    for command in ("serve", "connect", "exec", "check", "roles", "audit", "demo", "completion"):
        assert f"\n  {command} " in told
        assert _run(command, "--help").returncode == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str) -> None:
    done = _run("completion", shell)
    assert done.returncode == 0
    assert "_KEYLESS_COMPLETE" in done.stdout
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=done.stdout, text=True, check=True)


def test_roles(config: str) -> None:
    done = _run("roles", "-c", config)
    assert done.returncode == 0
    good, alone, *_ = done.stdout.splitlines()
    assert re.fullmatch(r"good +postgres  unix:/.+", good)
    assert alone == ("alone    postgres  no listener; `keyless connect` opens one of its own")
    listed = json.loads(_run("roles", "-c", config, "--json").stdout)
    assert listed[1] == {"role": "alone", "kind": "postgres", "listen": None}


def test_the_configuration_is_found_by_its_variable(config: str) -> None:
    assert _run("roles", more={"KEYLESS_CONFIG": config}).returncode == 0
    done = _run("roles")
    assert done.returncode == 2
    assert "keyless.toml is not right" in done.stderr
    assert "it cannot be read: No such file or directory" in done.stderr


def test_check_of_a_good_role(config: str) -> None:
    done = _run("check", "good", "-c", config)
    assert done.returncode == 0
    verdict, read, login = done.stdout.splitlines()
    assert verdict == "good (postgres): ok"
    assert re.fullmatch(rf"  _envjson:{SECRET}  read in \d+ ms", read)
    assert re.fullmatch(r"  logged in to 18\.\d.* with scram-sha-256, TLS none", login)


def test_check_of_all_roles(config: str) -> None:
    done = _run("check", "-c", config)
    assert done.returncode == 1
    verdicts = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert verdicts == [
        "good (postgres): ok",
        "alone (postgres): ok",
        "wrong (postgres): FAILED",
        "down (postgres): FAILED",
        "missing (postgres): FAILED",
    ]
    for why in ("28P01 password authentication failed", "Connection refused", "no key 'pasword'"):
        assert why in done.stdout


def test_check_as_json(config: str) -> None:
    done = _run("check", "-c", config, "--json")
    assert done.returncode == 1
    good, _, wrong, *_ = json.loads(done.stdout)
    assert (good["role"], good["ok"], good["problem"]) == ("good", True, "")
    assert good["facts"]["method"] == "scram-sha-256"
    assert good["secrets"][0]["error"] is None
    assert (wrong["role"], wrong["ok"], wrong["facts"]) == ("wrong", False, {})
    assert "28P01" in wrong["problem"]
    assert [read["keys"] for read in wrong["secrets"]] == [["wrong"], ["wrong"]]


@pytest.mark.parametrize("command", ["check", "connect"])
def test_a_role_that_does_not_exist(config: str, command: str) -> None:
    done = _run(command, "god", "-c", config)
    assert done.returncode == 2
    assert done.stderr == (
        f"keyless: {config} has no role 'god'; did you mean good? "
        "(it has: good, alone, wrong, down, missing)\n"
    )


@pytest.mark.parametrize("name", ["good", "alone"])
def test_connect_through_a_proxy_of_its_own(config: str, name: str) -> None:
    sql = "SELECT current_user, current_database();\n\\conninfo\n"
    done = _run("connect", name, "-c", config, "--", "-XAt", stdin=sql)
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"Connected to {name}\n"
    row, where = done.stdout.splitlines()
    assert row == "scram_user|app"
    assert where.startswith(f'You are connected to database "app" as user "{name}"')
    folder = re.search(r'via socket in "([^"]+)"', where)
    assert folder is not None
    assert not Path(folder[1]).exists()


def test_connect_through_the_running_proxy(keyless: Keyless) -> None:
    """Its file must name a port, for 0 cannot be found again."""
    text = keyless.config.read_text()
    host, port = keyless.places["pg18"]
    file = keyless.directory / "with-ports.toml"
    begin = text.index("[roles.pg18]")
    file.write_text(text[begin:].replace("127.0.0.1:0", f"{host}:{port}"))
    audit = keyless.audit()
    done = _run("connect", "pg18", "-c", str(file), "--", "-XAtc", "SELECT 'through'")
    assert (done.stdout, done.stderr) == ("through\n", "Connected to pg18\n")
    assert audit.one("postgres.query", statement="SELECT 'through'")


def test_connect_hands_on_the_exit_code(config: str) -> None:
    done = _run("connect", "alone", "-c", config, "--", "-Xv", "ON_ERROR_STOP=1", stdin="nope;")
    assert done.returncode == 3
    assert 'syntax error at or near "nope"' in done.stderr


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("wrong", 'upstream of role "wrong" refused the login; '),
        ("down", 'upstream of role "down" cannot be reached'),
        ("missing", 'the secrets of role "missing" cannot be read now; '),
    ],
)
def test_connect_to_a_role_that_does_not_work(config: str, name: str, why: str) -> None:
    done = _run("connect", name, "-c", config)
    assert done.returncode == 1
    assert "Connected" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"keyless: {why}")


def _fake_psql(directory: Path) -> Path:
    program = directory / "psql"
    program.write_text(_FAKE_PSQL)
    program.chmod(0o755)
    return program


def test_the_client_is_given_no_secret_and_no_providers_setting(
    config: str, tmp_path: Path, artefacts: Path
) -> None:
    _fake_psql(tmp_path)
    dump = artefacts / "psql-environment"
    done = _run(
        *("connect", "alone", "-c", config, "--", "-XAt"),
        more={
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "KEYLESS_TEST_DUMP": str(dump),
            "VAULT_TOKEN": "a token",
            "VAULT_APP_ROLE_SECRET_ID": "an id",
            "AWS_SECRET_ACCESS_KEY": "a key",
            "AWS_SESSION_TOKEN": "a token",
            "EDITOR": "vi",
        },
    )
    assert done.returncode == 7, done.stderr
    *variables, arguments = dump.read_text().splitlines()
    names = {line.partition("=")[0] for line in variables}
    assert "EDITOR" in names
    assert not names & {SECRET, "VAULT_TOKEN", "VAULT_APP_ROLE_SECRET_ID"}
    assert not names & {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
    assert re.fullmatch(r"-h /\S+ -p 5432 -U alone -d app -XAt", arguments)


def test_connect_without_psql(config: str, tmp_path: Path) -> None:
    done = _run("connect", "alone", "-c", config, more={"PATH": str(tmp_path)})
    assert done.returncode == 1
    assert done.stderr == (
        "keyless: there is no psql on the PATH; "
        "install PostgreSQL's client (Debian: apt install postgresql-client)\n"
    )


def test_connect_where_the_audit_goes_to_standard_output(config: str) -> None:
    """That belongs to the client here."""
    file = Path(config)
    file.write_text('[audit]\npath = "-"\n' + file.read_text())
    done = _run("connect", "alone", "-c", config, "--", "-XAtc", "SELECT 1")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1\n"
    assert '"event":"session.start"' in done.stderr


def test_serve_with_its_audit_on_standard_output(
    start_keyless: StartKeyless, latest_postgres: EmbeddedPostgres
) -> None:
    keyless = start_keyless('[audit]\npath = "-"\n' + role("app", latest_postgres))
    with keyless.connect("app") as connection:
        connection.execute("SELECT 1")
    keyless.stop()
    assert '"event":"session.end"' in keyless.log
    assert not keyless.audit_path.exists()


def test_a_user_of_vault_checks_a_role(
    openbao: OpenBao, latest_postgres: EmbeddedPostgres, artefacts: Path
) -> None:
    openbao.client.secrets.kv.v1.create_or_update_secret(
        "checked", {"password": CANARY}, mount_point="kv1"
    )
    file = artefacts / "vault-check.toml"
    file.write_text(role("app", latest_postgres, PASS="_vaultkv1:kv1/checked:password"))
    vault = {"VAULT_ADDR": openbao.address, "VAULT_TOKEN": openbao.root_token}
    done = _run("check", "-c", str(file), more=vault)
    assert done.returncode == 0, done.stdout
    assert "_vaultkv1:kv1/checked  read in " in done.stdout


def test_audit_verify_of_no_log(tmp_path: Path) -> None:
    assert _run("audit", "verify", str(tmp_path / "none")).returncode == 2
    (tmp_path / "other").write_text("not ours\n")
    done = _run("audit", "verify", str(tmp_path / "other"))
    assert done.returncode == 1
    assert done.stderr.endswith("other, line 1: it is not an audit line\n")
