"""What a fuzzer needs to know of a parser: what to show it, and what it promises."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from protocols.api import Side
from tests.fuzz.conversation import Conversation, Framing


class Breach(AssertionError):
    """A parser broke a promise; the text says which."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A conversation that a parser kept its promises on.

    `messages` is how many of it were consumed. Conversations with an `outcome` that was not seen
    before are worth going on from.
    """

    messages: int
    outcome: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One parser. `check` shows it a conversation, and raises Breach, or whatever the parser did
    and should not have, where it breaks a promise.

    `memory` is how many bytes it may take whatever it is shown; it may take a hundred more for
    each byte that it is shown. None is for what weighs itself. `share` is how much of a campaign
    is about it.
    """

    name: str
    check: Callable[[Conversation], Checked]
    framing: Mapping[Side, Framing]
    seeds: Sequence[Conversation]
    tokens: Sequence[bytes] = ()
    memory: int | None = 1 << 20
    share: int = 1
