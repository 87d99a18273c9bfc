"""MySQL's tap in a session that goes on and on, such as one that prepares without end."""

from tests.fuzz import flood
from tests.fuzz.conversation import Conversation
from tests.fuzz.mysql.framing import PACKETS
from tests.fuzz.mysql.tap import new_tap
from tests.fuzz.target import Checked

DIGITS = b"%04x"
"""A prepared statement's number is as long as four of them."""


def check(conversation: Conversation) -> Checked:
    return flood.check(new_tap, PACKETS.split, DIGITS, conversation)
