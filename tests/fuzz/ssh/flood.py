"""A connection that goes on and on, such as one whose client opens channels without end."""

from tests.fuzz import flood
from tests.fuzz.conversation import Conversation
from tests.fuzz.ssh.framing import PACKETS
from tests.fuzz.ssh.shown import new_tap
from tests.fuzz.target import Checked

DIGITS = b"%04x"
"""A channel's number is as long as four of them."""


def check(conversation: Conversation) -> Checked:
    return flood.check(new_tap, PACKETS.split, DIGITS, conversation)
