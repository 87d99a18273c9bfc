"""What is remembered, for whom, how long and how much of it; and that it tells no secret."""

import asyncio

import pytest

from proxy.memory import Memory
from tests.secrecy import CANARY, canary

_NAME = ("scram", "db:5432", "app")
_VALUE = object()


async def test_who_shows_the_same_secret_is_told() -> None:
    memory = Memory()
    memory.remember(_NAME, CANARY, _VALUE)
    assert memory.recall(_NAME, CANARY) is _VALUE
    assert memory.recall(_NAME, CANARY) is _VALUE


@pytest.mark.parametrize("secret", ["", "x", CANARY[:-1], canary("x")], ids=range(4))
async def test_who_shows_another_is_told_nothing(secret: str) -> None:
    memory = Memory()
    memory.remember(_NAME, CANARY, _VALUE)
    assert memory.recall(_NAME, secret) is None
    assert memory.recall((*_NAME[:-1], "other"), CANARY) is None
    assert memory.recall(_NAME, CANARY) is _VALUE


async def test_a_secret_may_be_any_bytes() -> None:
    memory = Memory()
    memory.remember(_NAME, "\udcff", _VALUE)
    assert memory.recall(_NAME, "\udcff") is _VALUE


async def test_what_is_remembered_later_takes_its_place() -> None:
    memory = Memory()
    memory.remember(_NAME, CANARY, _VALUE)
    memory.remember(_NAME, canary("-new"), "new")
    assert memory.recall(_NAME, CANARY) is None
    assert memory.recall(_NAME, canary("-new")) == "new"
    assert len(memory) == 1


async def test_nothing_is_remembered_of_none() -> None:
    memory = Memory()
    memory.remember(_NAME, CANARY, _VALUE)
    memory.remember(_NAME, CANARY, None)
    assert (memory.recall(_NAME, CANARY), len(memory)) == (None, 0)
    memory.remember(_NAME, CANARY, None)


async def test_those_are_forgotten_that_nobody_asked_for() -> None:
    memory = Memory(size=3)
    for name in "abc":
        memory.remember((name,), CANARY, name)
    memory.recall(("a",), CANARY)
    memory.recall(("b",), "another secret asks as well")
    memory.remember(("d",), CANARY, "d")
    memory.remember(("e",), CANARY, "e")
    kept = [name for name in "abcde" if memory.recall((name,), CANARY)]
    assert (kept, len(memory)) == (["b", "d", "e"], 3)


async def test_nothing_is_remembered_for_long() -> None:
    memory = Memory(seconds=0.2)
    memory.remember(_NAME, CANARY, _VALUE)
    await asyncio.sleep(0.1)
    assert memory.recall(_NAME, CANARY) is _VALUE
    memory.remember(_NAME, CANARY, "again")
    await asyncio.sleep(0.15)
    assert memory.recall(_NAME, CANARY) == "again", "a new entry has its own time"
    await asyncio.sleep(0.1)
    assert len(memory) == 0


async def test_no_secret_is_kept() -> None:
    """Only what a key makes of it that no other process has."""
    proofs: set[bytes] = set()
    for memory in (Memory(), Memory()):
        memory.remember(_NAME, CANARY, _VALUE)
        assert repr(vars(memory)["_entries"]) == f"{{{_NAME!r}: _Entry()}}"
        proofs.update(entry.proof for entry in vars(memory)["_entries"].values())
    assert len(proofs) == 2
