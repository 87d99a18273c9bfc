"""The tap, shown a session's bytes as the relay shows them: whole, byte by byte, and in pieces.

Whatever they are, it tells the same, keeps no more than they are worth, changes none of them, and
can say its last words and close.
"""

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from random import Random

from protocols.api import Emit, Event, Flow, Side, Tap
from protocols.errors import Reason, Refusal
from protocols.postgres import POSTGRES
from protocols.postgres.login import PostgresOptions
from proxy.audit.log import _fields
from tests.fuzz.conversation import Conversation, Step, in_pieces
from tests.fuzz.limits import in_time, weigh
from tests.fuzz.postgres.framing import MESSAGES
from tests.fuzz.target import Breach, Checked
from tests.protocols.postgres.server import role

WHOLE = (1 << 30,)
_SHORT = 1_024  # bytes that are worth being shown one by one
_SECONDS, _SECONDS_PER_BYTE = 0.02, 4e-6
_EMPTY, _PER_MESSAGE, _PER_BYTE = 65_536, 1_000, 20  # bytes
_STATEMENT = "postgres.query"
_ASKED = (b"Q", b"P", b"B", b"E", b"F", b"S")
_SHUTDOWN = Refusal(Reason.SHUTTING_DOWN, "the proxy is shutting down")


def new_tap(emit: Emit, dice: int) -> Tap:
    """Every tap of the fuzzers is made here."""
    options = PostgresOptions(audit_parameters=not dice & 1)
    login = role(options=options).without_credentials()
    return POSTGRES.tap(emit, lambda: 0.0, login, Flow(b"", b"", None, {}))


@dataclass(slots=True)
class Watched:
    """All that can be seen of what a tap made of a conversation: its events, and what it answered
    after each step; and what it weighed in the end."""

    events: list[Event] = field(default_factory=list)
    answers: list[object] = field(default_factory=list)
    last_words: bytes = b""
    messages: int = 0
    weight: int = 0


def watch(conversation: Conversation, sizes: Sequence[int]) -> Watched:
    """Show it to a tap in chunks of these sizes, until it is over or refused."""
    watched = Watched()
    tap = new_tap(watched.events.append, conversation.dice)
    try:
        for step in conversation.steps:
            if step.side is Side.UPSTREAM or not tap.full:
                show(tap, step, sizes)
                watched.messages += len(MESSAGES.split(step.data))
            watched.answers.append((tap.busy, tap.last_words(_SHUTDOWN)))
    except Refusal as refusal:
        watched.answers.append((type(refusal), refusal.reason, str(refusal)))
        watched.last_words = tap.last_words(refusal)
    watched.weight = weigh(tap)
    tap.close()
    watched.answers.append((tap.busy, tap.full))
    return watched


def show(tap: Tap, step: Step, sizes: Sequence[int]) -> None:
    """Each chunk in memory of its own, which is used again once the tap has seen it."""
    see = tap.client_sent if step.side is Side.CLIENT else tap.upstream_sent
    for piece in in_pieces(step.data, sizes):
        chunk = bytearray(piece)
        try:
            see(memoryview(chunk))
        finally:
            if chunk != piece:
                raise Breach("changed what it was shown")
            chunk[:] = b"\xff" * len(chunk)


def check(conversation: Conversation) -> Checked:
    bound = _SECONDS + _SECONDS_PER_BYTE * conversation.size
    whole = in_time(lambda: watch(conversation, WHOLE), bound)
    if whole.weight > _EMPTY + _PER_MESSAGE * whole.messages + _PER_BYTE * conversation.size:
        raise Breach(f"keeps {whole.weight} bytes of {whole.messages} messages")
    if whole.last_words and not at_boundary(conversation.steps[: len(whole.answers) - 1]):
        raise Breach("says its last words in the middle of a message")
    for sizes in cuts(conversation):
        cut = watch(conversation, sizes)
        _compare("tells", cut.events, whole.events)
        _compare("answers", cut.answers, whole.answers)
    _judge(whole.events, conversation)
    return Checked(whole.messages, _outcome(whole))


def _judge(events: Sequence[Event], conversation: Conversation) -> None:
    """Every event is JSON without a number below zero; together they tell of no more than there
    was."""
    encoded = [(event.name, json.loads(b"{%b}" % _fields(event))) for event in events]
    told = [event for name, event in encoded if name == _STATEMENT]
    if negative := [v for e in told for v in e.values() if isinstance(v, int | float) and v < 0]:
        raise Breach(f"tells of {negative}")
    asked = MESSAGES.split(conversation.said(Side.CLIENT))
    if len(told) > sum(message[:1] in _ASKED for message in asked):
        raise Breach(f"tells of {len(told)} statements")
    said = asked + MESSAGES.split(conversation.said(Side.UPSTREAM))
    copied = sum(max(0, int.from_bytes(m[1:5], "big") - 4) for m in said if m[:1] == b"d")
    if sum(event["copied_bytes"] for event in told) > copied:
        raise Breach(f"tells of more than {copied} copied bytes")


def at_boundary(steps: Sequence[Step]) -> bool:
    """Whether upstream has ended the message that it said last."""
    said = b"".join(step.data for step in steps if step.side is Side.UPSTREAM)
    return b"".join(MESSAGES.split(said + MESSAGES.fit(bytes(5)))[-1:]) == MESSAGES.fit(bytes(5))


def cuts(conversation: Conversation) -> list[Sequence[int]]:
    """Sizes of chunks: random ones, and single bytes where that is quick."""
    random = Random(conversation.dice)
    sizes = [random.choice((1, 2, 5, 13, 100, 2_047, 2_049, 65_536)) for _ in range(5)]
    return [sizes, (1,)] if conversation.size <= _SHORT else [sizes]


def _compare(what: str, cut: list[object] | list[Event], whole: list[object] | list[Event]) -> None:
    if cut == whole:
        return
    pairs = zip([*cut, None], [*whole, None], strict=False)
    other, one = next((a, b) for a, b in pairs if a != b)
    raise Breach(f"{what} {other!r} where it is cut, else {one!r}")


def _outcome(watched: Watched) -> object:
    """What makes a conversation unlike others: its first events, without their texts and numbers,
    and its end."""
    shapes = [
        (event.name, *map(bool, astuple(event)))  # type: ignore[call-overload]
        for event in watched.events[:20]
    ]
    return tuple(shapes), str(watched.answers[-2:])
