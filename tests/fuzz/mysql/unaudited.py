"""MySQL's tap where the audit takes no more events."""

from tests.fuzz import unaudited
from tests.fuzz.conversation import Conversation
from tests.fuzz.mysql.framing import PACKETS, ends_packet
from tests.fuzz.mysql.tap import new_tap
from tests.fuzz.target import Checked


def check(conversation: Conversation) -> Checked:
    return unaudited.check(new_tap, PACKETS.split, ends_packet, conversation)
