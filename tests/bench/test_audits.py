"""Whether what an audit does not tell is noticed."""

import json
from pathlib import Path

import pytest

from bench import audits
from bench.audits import Tail
from bench.peers import Peer


@pytest.fixture
def peer(tmp_path: Path) -> Peer:
    audit = tmp_path / "audit.jsonl"
    audit.write_text(_line("postgres.query", rows=3))
    return Peer("keyless", 1, audit=audit)


def _line(event: str, **fields: int) -> str:
    return json.dumps({"event": event, **fields}) + "\n"


def _append(peer: Peer, text: str) -> None:
    assert peer.audit is not None
    with peer.audit.open("a") as file:
        file.write(text)


def test_what_is_told_exactly_is_right(peer: Peer) -> None:
    tail = Tail(peer)
    _append(peer, _line("session.start") + _line("postgres.query", rows=3, copied_bytes=9))
    assert tail.wrong("postgres.query", rows=3, copied_bytes=9) == ""


def test_what_is_told_otherwise_or_was_told_before_is_wrong(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audits, "_PATIENCE", 0.1)
    tail = Tail(peer)
    _append(peer, _line("postgres.query", rows=2) + '{"event": "postgres.query", "rows": 3')
    assert tail.wrong("postgres.query", rows=3) == (
        "the audit has no postgres.query with {'rows': 3}, but [{'rows': 2}]"
    )


def test_who_has_no_audit_has_nothing_wrong() -> None:
    assert Tail(Peer("direct", 1)).wrong("postgres.query", rows=3) == ""
