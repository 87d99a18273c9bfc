"""A role is tried as a session would use it, and what became of it is reported without a value."""

import json
from pathlib import Path

import pytest

from proxy.check import Check, Report
from proxy.config import parse_text
from proxy.demo.postgres import EmbeddedPostgres
from proxy.services import open_services
from tests.keyless import SECRETS, WRONG_PASSWORD, role


@pytest.fixture
def folder(artefacts: Path, request: pytest.FixtureRequest) -> Path:
    folder: Path = artefacts / f"check-{request.node.name}"
    folder.mkdir()
    return folder


async def _check(folder: Path, text: str) -> Report:
    config = parse_text(text, folder / "keyless.toml")
    services = open_services(config, SECRETS)
    try:
        return await Check(config.roles["app"], services).run()
    finally:
        await services.close()


def _events(folder: Path) -> list[str]:
    lines = (folder / "audit.jsonl").read_bytes().splitlines()
    return [json.loads(line)["event"] for line in lines]


async def test_a_role_that_works(folder: Path, postgres: EmbeddedPostgres) -> None:
    report = await _check(folder, role("app", postgres))
    assert report.ok, report.problem
    assert (report.role, report.kind) == ("app", "postgres")
    assert (report.facts["method"], report.facts["database"]) == ("scram-sha-256", "app")
    assert [read.error for read in report.secrets] == [None]
    assert _events(folder) == ["secret.read"]


async def test_a_refused_login_is_tried_again_with_a_fresh_read(
    folder: Path, latest_postgres: EmbeddedPostgres
) -> None:
    no_wait = "[secrets]\nrotation_wait = 0\n"
    report = await _check(folder, no_wait + role("app", latest_postgres, PASS=WRONG_PASSWORD))
    assert not report.ok
    assert report.problem == (
        'upstream of role "app" refused the login; the role\'s credential may be out of date'
        ' (28P01 password authentication failed for user "scram_user")'
    )
    assert (len(report.secrets), report.facts) == (2, {})
    assert _events(folder) == ["secret.read", "secret.read"]


async def test_a_secret_that_cannot_be_read(
    folder: Path, latest_postgres: EmbeddedPostgres
) -> None:
    missing = "_envjson:KEYLESS_TEST_SECRET_NONE:password"
    report = await _check(folder, role("app", latest_postgres, PASS=missing))
    assert not report.ok
    assert "KEYLESS_TEST_SECRET_NONE" in report.problem
    assert [bool(read.error) for read in report.secrets] == [True]


async def test_nothing_is_checked_that_cannot_be_audited(
    folder: Path, latest_postgres: EmbeddedPostgres
) -> None:
    report = await _check(folder, '[audit]\npath = "/dev/full"\n' + role("app", latest_postgres))
    assert not report.ok
    assert report.facts == {}
    assert "the audit log /dev/full cannot be written: No space left on device" in report.problem
