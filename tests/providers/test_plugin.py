"""The example of docs/providers.md, installed as other people install it, and used by Keyless."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from providers.api import Provider, Secret, Stage
from proxy.demo.postgres import EmbeddedPostgres
from tests import keyless
from tests.secrecy import CANARY, canary

EXAMPLE = Path(__file__).parents[2] / "examples" / "keyless-provider-example"
_PATIENCE = 60


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the example is installed, without an index and beside our own environment."""
    target = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-index", "--no-deps", "--no-build-isolation", "--target", str(target)]
    subprocess.run([*command, EXAMPLE], check=True, timeout=_PATIENCE, stdin=subprocess.DEVNULL)
    return target


@pytest.fixture
def environment(installed: Path, tmp_path: Path) -> Mapping[str, str]:
    """The one of a Keyless that has the example, and a database for it."""
    database = tmp_path / "secrets.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE secret (name, version INTEGER, key, value)")
        connection.executemany(
            "INSERT INTO secret VALUES ('pg', ?, ?, ?)",
            [
                (1, "user", "nobody"),
                (1, "password", canary(" old")),
                (2, "user", "scram_user"),
                (2, "password", CANARY),
            ],
        )
    more = {"PYTHONPATH": str(installed), "KEYLESS_SQLITE": str(database)}
    return {"PATH": os.environ["PATH"], **more}


def check(directory: Path, text: str, environment: Mapping[str, str]) -> Any:
    """What `keyless check --json` says of the role in `text`, or its complaint."""
    directory.mkdir()
    path = directory / "keyless.toml"
    path.write_text(text)
    done = subprocess.run(
        [keyless.COMMAND, "check", "--json", "--config", path],
        env=dict(environment),
        capture_output=True,
        timeout=_PATIENCE,
        text=True,
        check=False,
    )
    assert CANARY not in done.stdout + done.stderr
    return json.loads(done.stdout)[0] if done.stdout else done.stderr


def test_a_session_logs_in_with_what_the_example_reads(
    latest_postgres: EmbeddedPostgres, environment: Mapping[str, str], artefacts: Path
) -> None:
    role = keyless.role(
        "pg", latest_postgres, USER="_sqlite:pg:user", PASS="_sqlite:pg:password", listen=None
    )
    report = check(artefacts / "plugin", role, environment)
    assert report["ok"], report
    assert report["facts"]["method"] == "scram-sha-256"
    (read,) = report["secrets"]
    assert (read["provider"], read["secret"], read["version"]) == ("sqlite", "pg", "2")


def test_it_keeps_the_version_before(
    installed: Path, environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(installed))
    provider: Provider = import_module("keyless_provider_example").Sqlite(environment)
    found = provider.fetch("pg", 5, Stage.PREVIOUS)
    assert (found.version, found.value("password")) == ("1", Secret(canary(" old")))


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("_sqlite:pg:passwort", "no key 'passwort'; its keys are: password, user"),
        ("_sqlite:mysql:password", "holds no current version of mysql"),
    ],
)
def test_its_errors_reach_the_operator(
    latest_postgres: EmbeddedPostgres,
    environment: Mapping[str, str],
    artefacts: Path,
    reference: str,
    told: str,
) -> None:
    role = keyless.role("pg", latest_postgres, PASS=reference, listen=None)
    directory = artefacts / f"plugin-{reference.replace(':', '-')}"
    report = check(directory, role, environment)
    assert not report["ok"]
    assert told in report["problem"]


def test_its_syntax_is_checked_at_load(
    latest_postgres: EmbeddedPostgres, environment: Mapping[str, str], artefacts: Path
) -> None:
    role = keyless.role("pg", latest_postgres, PASS="_sqlite:pg", listen=None)
    complaint = check(artefacts / "plugin-syntax", role, environment)
    assert "names no key; write _PROVIDER:SECRET:KEY" in complaint


def test_without_the_package_the_reference_is_unknown(
    latest_postgres: EmbeddedPostgres, environment: Mapping[str, str], artefacts: Path
) -> None:
    role = keyless.role("pg", latest_postgres, PASS="_sqlite:pg:password", listen=None)
    bare = {name: value for name, value in environment.items() if name != "PYTHONPATH"}
    complaint = check(artefacts / "plugin-missing", role, bare)
    assert "refers to an unknown secrets provider" in complaint
