"""PostgreSQL's tap where the audit takes no more events."""

from tests.fuzz import unaudited
from tests.fuzz.conversation import Conversation
from tests.fuzz.postgres.framing import MESSAGES
from tests.fuzz.postgres.tap import at_boundary, new_tap
from tests.fuzz.target import Checked


def check(conversation: Conversation) -> Checked:
    return unaudited.check(new_tap, MESSAGES.split, at_boundary, conversation)
