"""Random changes to a conversation, most of which leave its messages whole.

What is foreign in every byte is refused at the first one: a parser's depths are reached by
messages that are well-formed and come where they should not, and by those that are nearly so.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from protocols.api import Side
from tests.fuzz.conversation import Conversation, Framing, Step
from tests.fuzz.edits import edit

_MOST_BYTES = 1 << 18
_LENGTHS = (0, 3, 4, 5, 2_047, 2_048, 65_535, 65_536, 65_537, 0x3FFFFFFF, 0x40000000, 0xFFFFFFFF)
_SIZES = (100, 2_048, 10_000, 65_535, 65_536, 65_537, 70_000)


@dataclass(slots=True)
class _Part:
    """A step that is being changed."""

    side: Side
    messages: list[bytes]


class Mutator:
    """Makes conversations out of `seeds`; the same ones of the same `random`."""

    def __init__(
        self,
        random: Random,
        framing: Mapping[Side, Framing],
        seeds: Sequence[Conversation],
        tokens: Sequence[bytes] = (),
    ) -> None:
        self._random = random
        self._framing = framing
        self._tokens = tokens
        self.seeds = list(seeds)

    def make(self) -> Conversation:
        return self.change(self._random.choice(self.seeds))

    def change(self, conversation: Conversation) -> Conversation:
        random = self._random
        parts = [_Part(s.side, self._framing[s.side].split(s.data)) for s in conversation.steps]
        for _ in range(1 + min(int(random.expovariate(0.4)), 20)):
            random.choice(_CHANGES)(self, parts)
        dice = conversation.dice if random.random() < 0.7 else random.getrandbits(32)
        steps = [Step(part.side, b"".join(part.messages)) for part in parts]
        return Conversation(tuple(_within_bounds(steps)), dice)

    # -- of a conversation ----------------------------------------------------------------------

    def _swap_steps(self, parts: list[_Part]) -> None:
        if parts:
            first, second = (self._random.randrange(len(parts)) for _ in range(2))
            parts[first], parts[second] = parts[second], parts[first]

    def _drop_steps(self, parts: list[_Part]) -> None:
        start = self._random.randint(0, len(parts))
        del parts[start : start + self._random.choice((1, 1, 2, len(parts)))]

    def _turn_over(self, parts: list[_Part]) -> None:
        """One side says what is the other's to say."""
        if part := self._any(parts):
            part.side = Side.CLIENT if part.side is Side.UPSTREAM else Side.UPSTREAM

    def _splice(self, parts: list[_Part]) -> None:
        """Go on as another conversation does, from anywhere in it."""
        other = self._random.choice(self.seeds).steps
        start = self._random.randint(0, len(other))
        added = other[start : start + self._random.randint(1, 6)]
        place = self._random.randint(0, len(parts))
        parts[place:place] = [_Part(s.side, self._framing[s.side].split(s.data)) for s in added]

    def _say_at_once(self, parts: list[_Part]) -> None:
        """A client may send ahead of its answers, and a server's answers come together."""
        sides = {side: [m for p in parts if p.side is side for m in p.messages] for side in Side}
        parts[:] = [_Part(side, said) for side, said in sides.items()]

    # -- of a step's messages -------------------------------------------------------------------

    def _drop(self, parts: list[_Part]) -> None:
        if part := self._any(parts):
            del part.messages[self._place(part)]

    def _repeat(self, parts: list[_Part]) -> None:
        if part := self._any(parts):
            place = self._place(part)
            part.messages[place:place] = [part.messages[place]] * self._random.choice((1, 1, 2, 50))

    def _move(self, parts: list[_Part]) -> None:
        if (source := self._any(parts)) and (target := self._any(parts)):
            message = source.messages.pop(self._place(source))
            target.messages.insert(self._random.randint(0, len(target.messages)), message)

    def _borrow(self, parts: list[_Part]) -> None:
        """Put in a message of the same side from another conversation."""
        other = self._random.choice(self.seeds).steps
        if (part := self._any(parts)) and other:
            step = self._random.choice(other)
            if step.side is part.side and step.data:
                message = self._random.choice(self._framing[step.side].split(step.data))
                part.messages.insert(self._place(part), message)

    # -- of a message ---------------------------------------------------------------------------

    def _edit_body(self, parts: list[_Part]) -> None:
        self._replace(parts, self._edited_body)

    def _edited_body(self, framing: Framing, message: bytes) -> bytes:
        head, body = message[: framing.header], message[framing.header :]
        return framing.fit(head + edit(self._random, body, self._tokens))

    def _edit_raw(self, parts: list[_Part]) -> None:
        self._replace(parts, lambda _, message: edit(self._random, message, self._tokens))

    def _lie(self, parts: list[_Part]) -> None:
        self._replace(parts, self._lying)

    def _lying(self, framing: Framing, message: bytes) -> bytes:
        near = len(message) + self._random.randint(-6, 3)
        return framing.claim(message, max(0, self._random.choice((near, near, *_LENGTHS))))

    def _stretch(self, parts: list[_Part]) -> None:
        """Long messages are rare, for they cost much and tell little."""
        if self._random.random() < 0.1:
            self._replace(parts, self._stretched)

    def _stretched(self, framing: Framing, message: bytes) -> bytes:
        head, body = message[: framing.header], message[framing.header :] or b"x"
        start, size = self._random.randrange(len(body)), self._random.choice(_SIZES)
        unit = body[start : start + self._random.choice((1, 1, 4, len(body)))]
        long = body[:start] + unit * (size // len(unit)) + body[start:]
        return framing.fit(head + long[: self._random.choice((size, len(long)))])

    def _replace(self, parts: list[_Part], change: Callable[[Framing, bytes], bytes]) -> None:
        if part := self._any(parts):
            place = self._place(part)
            part.messages[place] = change(self._framing[part.side], part.messages[place])

    def _any(self, parts: list[_Part]) -> _Part | None:
        spoken = [part for part in parts if part.messages]
        return self._random.choice(spoken) if spoken else None

    def _place(self, part: _Part) -> int:
        return self._random.randrange(len(part.messages))


def _within_bounds(steps: list[Step]) -> list[Step]:
    size = 0
    kept = []
    for step in steps:
        size += len(step.data)
        if step.data and size <= _MOST_BYTES:
            kept.append(step)
    return kept


_Change = Callable[[Mutator, list[_Part]], None]
_OF_CONVERSATIONS: tuple[_Change, ...] = (
    Mutator._swap_steps,
    Mutator._drop_steps,
    Mutator._turn_over,
    Mutator._splice,
    Mutator._say_at_once,
)
_OF_STEPS: tuple[_Change, ...] = (Mutator._drop, Mutator._repeat, Mutator._move, Mutator._borrow)
_OF_MESSAGES: tuple[_Change, ...] = (
    Mutator._edit_body,
    Mutator._edit_raw,
    Mutator._lie,
    Mutator._stretch,
)
_CHANGES = (*_OF_CONVERSATIONS, *_OF_STEPS * 3, *_OF_MESSAGES, *[Mutator._edit_body] * 6)
