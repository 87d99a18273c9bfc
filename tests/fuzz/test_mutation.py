"""The same seed makes the same conversations, most of which are still made of messages."""

from random import Random

from protocols.api import Side
from tests.fuzz.conversation import Conversation, Step
from tests.fuzz.mutation import Mutator
from tests.fuzz.postgres.framing import MESSAGES, SESSION
from tests.protocols.postgres.queries import READY, complete, extended, query

_SEED = Conversation(
    (
        Step(Side.CLIENT, query("SELECT 1") + extended("SELECT 2")),
        Step(Side.UPSTREAM, complete("SELECT 1") + READY),
    )
)
_MANY = 1_000


def _made(seed: int) -> list[Conversation]:
    mutator = Mutator(Random(seed), SESSION, [_SEED], [b"token"])
    return [mutator.make() for _ in range(_MANY)]


def test_a_seed_makes_the_same_every_time() -> None:
    assert _made(1) == _made(1)
    assert _made(1) != _made(2)


def test_hardly_two_are_alike() -> None:
    assert len(set(_made(1))) > _MANY * 0.8


def test_most_are_whole_messages_and_some_are_not() -> None:
    whole = sum(
        MESSAGES.split(step.data + READY)[-1] == READY for made in _made(1) for step in made.steps
    )
    steps = sum(len(made.steps) for made in _made(1))
    assert steps * 0.5 < whole < steps * 0.95


def test_all_kinds_of_change_are_made() -> None:
    made = _made(1)
    said = [step for conversation in made for step in conversation.steps]
    assert any(len(conversation.steps) > 4 for conversation in made)
    assert any(not conversation.steps for conversation in made)
    assert any(step.side is Side.UPSTREAM and b"SELECT 2" in step.data for step in said)
    assert any(b"token" in step.data for step in said)
    assert any(len(step.data) > 65_536 for step in said)
    assert {conversation.dice == 0 for conversation in made} == {True, False}


def test_none_is_too_long() -> None:
    mutator = Mutator(Random(1), SESSION, [_SEED])
    grown = _SEED
    for _ in range(_MANY):
        grown = mutator.change(grown)
        assert grown.size <= 1 << 18
