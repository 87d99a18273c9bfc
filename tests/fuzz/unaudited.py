"""The tap of a session whose events the audit takes no more: nothing but its refusal comes of it,
and the client is told of it only where it could read that.
"""

from collections.abc import Callable, Sequence

from protocols.api import Event, Side
from protocols.errors import Reason, Refusal
from tests.fuzz.conversation import Conversation, Step
from tests.fuzz.taps import WHOLE, NewTap, Split, show
from tests.fuzz.target import Breach, Checked


class _Unwritable(Refusal):
    """What the audit refuses events with."""

    def __init__(self) -> None:
        super().__init__(Reason.AUDIT_UNWRITABLE, "the proxy cannot write its audit log")


def check(
    new_tap: NewTap,
    split: Split,
    at_boundary: Callable[[Sequence[Step]], bool],
    conversation: Conversation,
) -> Checked:
    """As many events are taken as the dice say."""
    taken: list[Event] = []

    def emit(event: Event) -> None:
        if len(taken) == conversation.dice % 8:
            raise _Unwritable
        taken.append(event)

    tap, messages = new_tap(emit, conversation.dice), 0
    shown: list[Step] = []
    try:
        for step in conversation.steps:
            if step.side is Side.UPSTREAM or not tap.full:
                shown.append(step)
                show(tap, step, WHOLE)
                messages += len(split(step.data))
        tap.close()
    except Refusal as refusal:
        if tap.last_words(refusal) and not at_boundary(shown):
            raise Breach("says its last words in the middle of a message") from None
        return Checked(messages + 1, (type(refusal), str(refusal), len(taken)))
    return Checked(messages, len(taken))
