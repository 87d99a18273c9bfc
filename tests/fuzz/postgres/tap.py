"""PostgreSQL's tap, and what its events may tell of a conversation."""

from collections.abc import Sequence

from protocols.api import Emit, Event, Flow, Side, Tap
from protocols.postgres import POSTGRES
from protocols.postgres.login import PostgresOptions
from tests.fuzz import taps
from tests.fuzz.conversation import Conversation, Step
from tests.fuzz.postgres.framing import MESSAGES
from tests.fuzz.target import Breach, Checked
from tests.protocols.postgres.server import role

_STATEMENT = "postgres.query"
_ASKED = (b"Q", b"P", b"B", b"E", b"F", b"S")


def new_tap(emit: Emit, dice: int) -> Tap:
    """Every tap of the fuzzers is made here."""
    options = PostgresOptions(audit_parameters=not dice & 1)
    login = role(options=options).without_credentials()
    return POSTGRES.tap(emit, lambda: 0.0, login, Flow(b"", b"", None, {}))


def watch(conversation: Conversation, sizes: Sequence[int]) -> taps.Watched:
    return taps.watch(new_tap, MESSAGES.split, conversation, sizes)


def check(conversation: Conversation) -> Checked:
    return taps.check(watch, at_boundary, _judge, conversation)


def _judge(events: Sequence[Event], conversation: Conversation) -> None:
    """They tell of no more than there was."""
    told = [event for name, event in taps.encoded(events) if name == _STATEMENT]
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
