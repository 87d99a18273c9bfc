"""PostgreSQL's tap in a session that goes on and on."""

from tests.fuzz import flood
from tests.fuzz.conversation import Conversation
from tests.fuzz.postgres.framing import MESSAGES
from tests.fuzz.postgres.tap import new_tap
from tests.fuzz.target import Checked


def check(conversation: Conversation) -> Checked:
    return flood.check(new_tap, MESSAGES.split, b"%05d", conversation)
