"""The channels of a session whose events the audit takes no more, or whose recordings the disk:
nothing but the refusal comes of it, and no recording stays open."""

from contextlib import suppress

from protocols.api import Event
from protocols.errors import Reason, Refusal
from tests.fuzz.conversation import Conversation
from tests.fuzz.ssh.settings import options
from tests.fuzz.ssh.shown import Shown, Tape, show_all
from tests.fuzz.target import Checked


class _Unwritable(Refusal):
    """What the audit refuses events with, and a recording bytes."""

    def __init__(self) -> None:
        super().__init__(Reason.AUDIT_UNWRITABLE, "the proxy cannot write its audit log")


def _tape() -> Tape:
    """There is room for a header and a little more."""
    tape = Tape(150)
    tape.refusal = _Unwritable()
    return tape


def check(conversation: Conversation) -> Checked:
    """As many events are taken as the dice say."""
    taken: list[Event] = []

    def emit(event: Event) -> None:
        if len(taken) == (conversation.dice >> 8) % 8:
            raise _Unwritable
        taken.append(event)

    shown = Shown(emit, options(conversation.dice), new_tape=_tape)
    messages, end = show_all(shown, conversation)
    with suppress(_Unwritable):
        shown.close()
    return Checked(messages, (end, len(taken)))
