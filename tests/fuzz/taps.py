"""A tap, shown a session's bytes as the relay shows them: whole, byte by byte, and in pieces.

Whatever they are, it tells the same, keeps no more than they are worth, changes none of them, and
can say its last words and close. What a protocol's events may say is for its own folder.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from random import Random
from typing import Any

from protocols.api import Emit, Event, Side, Tap
from protocols.errors import ClientProtocolError, Reason, Refusal, ServerProtocolError
from proxy.audit.log import json_fields
from tests.fuzz.conversation import Conversation, Step, in_pieces
from tests.fuzz.limits import in_time, weigh
from tests.fuzz.target import Breach, Checked

WHOLE = (1 << 30,)
_SHORT = 1_024  # bytes that are worth being shown one by one
_SECONDS, _SECONDS_PER_BYTE = 0.02, 4e-6
_EMPTY, _PER_MESSAGE, _PER_BYTE = 65_536, 1_000, 20  # bytes
PER_HIDDEN, MOST_HIDDEN = 60, 8 << 20  # the latter is what a tap allows itself
_SHUTDOWN = Refusal(Reason.SHUTTING_DOWN, "the proxy is shutting down")

NewTap = Callable[[Emit, int], Tap]
"""Makes a tap whose settings a conversation's dice choose."""

Fields = Mapping[str, Any]
"""What an event says, by names."""

Split = Callable[[bytes], Sequence[bytes]]
"""Of what a side says makes messages."""


@dataclass(slots=True)
class Watched:
    """All that can be seen of what a tap made of a conversation: its events, and what it answered
    after each step; and what it weighed in the end."""

    events: list[Event] = field(default_factory=list)
    answers: list[object] = field(default_factory=list)
    last_words: bytes = b""
    ended: int = 0  # how many of the events it told before it was closed
    sure: int | None = None  # how many it tells however it is cut, where that is not all
    messages: int = 0
    weight: int = 0


def watch(
    new_tap: NewTap, split: Split, conversation: Conversation, sizes: Sequence[int]
) -> Watched:
    """Show it to a tap in chunks of these sizes, until it is over or refused."""
    watched, shown = Watched(), {side: bytearray() for side in Side}
    tap = new_tap(watched.events.append, conversation.dice)
    try:
        for step in conversation.steps:
            if step.side is Side.UPSTREAM or not tap.full:
                show(tap, step, sizes)
                shown[step.side] += step.data
            watched.answers.append((tap.busy, tap.last_words(_SHUTDOWN)))
    except Refusal as refusal:
        watched.answers.append((type(refusal), refusal.reason, str(refusal)))
        watched.last_words = tap.last_words(refusal)
    watched.messages = sum(len(split(bytes(said))) for said in shown.values())
    watched.weight = weigh(tap)
    watched.ended = len(watched.events)
    tap.close()
    watched.answers.append((tap.busy, tap.full))
    return watched


def show(tap: Tap, step: Step, sizes: Sequence[int]) -> None:
    """Each chunk in memory of its own, which is used again once the tap has seen it."""
    see = tap.client_sent if step.side is Side.CLIENT else tap.upstream_sent
    for piece in in_pieces(step.data, sizes):
        chunk = bytearray(piece)
        may_wait = step.side is Side.CLIENT and tap.may_wait(piece)
        try:
            see(memoryview(chunk))
        except (ClientProtocolError, ServerProtocolError):
            if may_wait:
                raise Breach(f"cannot read {piece!r}, which may wait") from None
            raise
        finally:
            if chunk != piece:
                raise Breach("changed what it was shown")
            chunk[:] = b"\xff" * len(chunk)


def check(
    watch: Callable[[Conversation, Sequence[int]], Watched],
    at_boundary: Callable[[Sequence[Step]], bool],
    judge: Callable[[Sequence[Event], Conversation], None],
    conversation: Conversation,
    hidden: int = 0,
) -> Checked:
    """`at_boundary` tells of steps whether upstream has ended the message that it said last;
    `judge` raises Breach where events tell of more than there was. `hidden` bytes are to be read
    beside those that are there."""
    bound = _SECONDS + _SECONDS_PER_BYTE * (conversation.size + hidden)
    whole = in_time(lambda: watch(conversation, WHOLE), bound)
    most = _EMPTY + _PER_MESSAGE * whole.messages + _PER_BYTE * conversation.size
    if whole.weight > most + min(PER_HIDDEN * hidden, MOST_HIDDEN):
        raise Breach(f"keeps {whole.weight} bytes of {whole.messages} messages")
    if whole.last_words and not at_boundary(conversation.steps[: len(whole.answers) - 1]):
        raise Breach("says its last words in the middle of a message")
    for sizes in cuts(conversation):
        cut, sure = watch(conversation, sizes), whole.sure
        _compare("tells", cut.events[:sure], whole.events[:sure])
        last = None if sure is None else -2  # of a fault only that there is one
        _compare("answers", cut.answers[:last], whole.answers[:last])
    judge(whole.events, conversation)
    return Checked(whole.messages, _outcome(whole))


def encoded(events: Sequence[Event]) -> list[tuple[str, Fields]]:
    """Events by their names, as the audit writes them: JSON, without a number below zero."""
    told = [(event.name, json.loads(f"{{{json_fields(event)}}}")) for event in events]
    values = [value for _, event in told for value in event.values()]
    if negative := [value for value in values if isinstance(value, int | float) and value < 0]:
        raise Breach(f"tells of {negative}")
    return told


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
