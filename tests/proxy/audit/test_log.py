"""The audit log: events become lines, in batches; what cannot be written is told, not forgotten."""

import asyncio
import json
from pathlib import Path

import pytest

from protocols.errors import Reason, Refusal
from proxy.audit.events import LoginRetry, SessionCancel
from proxy.audit.log import AuditLog, context
from tests.proxy.audit.test_file import _breaks, _file_size
from tests.waiting import PATIENCE

_CONTEXT = context(session="s", role="app")
_RETRY = LoginRetry(2, "28P01", ("7",))


@pytest.fixture
def path(artefacts: Path, request: pytest.FixtureRequest) -> Path:
    return artefacts / f"log-{request.node.name}.jsonl"


async def _written(path: Path, lines: int) -> list[dict[str, object]]:
    async with asyncio.timeout(PATIENCE):
        while path.read_bytes().count(b"\n") < lines:
            await asyncio.sleep(0.005)
    return [json.loads(line) for line in path.read_bytes().splitlines()]


async def test_an_event_is_a_line_before_long(path: Path) -> None:
    log = AuditLog(path.name, path.parent)
    log.record(_RETRY, _CONTEXT)
    (line,) = await _written(path, 1)
    assert str(line.pop("time"))[10:11] == "T"
    assert line == {
        "event": "login.retry",
        "session": "s",
        "role": "app",
        "attempt": 2,
        "code": "28P01",
        "versions": ["7"],
        "prev": "0" * 64,
    }
    log.close()


async def test_flush_and_close_do_not_wait(path: Path) -> None:
    log = AuditLog(path.name, path.parent)
    log.record(_RETRY, _CONTEXT)
    log.flush()
    assert path.read_bytes().count(b"\n") == 1
    log.record(_RETRY, _CONTEXT)
    log.close()
    assert path.read_bytes().count(b"\n") == 2
    assert _breaks(path) is None


async def test_many_events_do_not_wait_for_each_other(path: Path) -> None:
    log = AuditLog(path.name, path.parent)
    for _ in range(1_000):
        log.record(_RETRY, _CONTEXT)
    assert path.read_bytes().count(b"\n") >= 800
    log.close()
    assert _breaks(path) is None


@pytest.mark.parametrize("name", ['a "name"\n\\', "naïve", "\udcff\udc80 not UTF-8", "\u2028\0"])
async def test_whatever_a_client_calls_itself_is_one_line(path: Path, name: str) -> None:
    log = AuditLog(path.name + str(hash(name)), path.parent)
    log.record(SessionCancel({"user": name}, known=False), _CONTEXT)
    log.close()
    written = (path.parent / (path.name + str(hash(name)))).read_bytes()
    assert written.count(b"\n") == 1
    assert json.loads(written)["client"] == {"user": name}


async def test_a_log_that_cannot_be_written_tells_its_owner_and_recovers(path: Path) -> None:
    log = AuditLog(path.name, path.parent)
    told: asyncio.Future[Refusal] = asyncio.get_running_loop().create_future()
    log.on_failure = told.set_result
    log.record(_RETRY, _CONTEXT)
    with _file_size(0):
        refusal = await asyncio.wait_for(told, PATIENCE)
        assert refusal.reason is Reason.AUDIT_UNWRITABLE
        assert refusal.detail == f"the audit log {path} cannot be written: File too large"
        assert str(path) not in str(refusal)
        with pytest.raises(Refusal):
            log.record(_RETRY, _CONTEXT)
    log.record(_RETRY, _CONTEXT)
    log.close()
    assert len(await _written(path, 2)) == 2
    assert _breaks(path) is None
