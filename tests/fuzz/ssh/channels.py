"""All of one connection's packets after login, by both sides and in any order."""

from collections.abc import Sequence

from protocols.api import Event
from tests.fuzz.conversation import Conversation
from tests.fuzz.limits import in_time
from tests.fuzz.ssh.framing import PACKETS
from tests.fuzz.ssh.shown import new_tap
from tests.fuzz.taps import WHOLE, Watched, encoded, watch
from tests.fuzz.target import Breach, Checked

_SECONDS, _SECONDS_PER_MESSAGE, _SECONDS_PER_BYTE = 0.02, 5e-4, 4e-6
_EMPTY, _PER_MESSAGE, _PER_BYTE = 65_536, 5_000, 20  # bytes
_MOST_EVENTS = 3  # of one message, which may end what was begun by others
_COUNTS = ("bytes_in", "bytes_out", "bytes_err", "bytes_read", "bytes_written")


def check(conversation: Conversation) -> Checked:
    packets = sum(len(PACKETS.split(step.data)) for step in conversation.steps)
    bound = _SECONDS + _SECONDS_PER_MESSAGE * packets + _SECONDS_PER_BYTE * conversation.size
    watched = in_time(lambda: watch(new_tap, PACKETS.split, conversation, WHOLE), bound)
    most = _EMPTY + _PER_MESSAGE * watched.messages + _PER_BYTE * conversation.size
    if watched.weight > most:
        raise Breach(f"keeps {watched.weight} bytes of {watched.messages} messages")
    _judge(watched.events, conversation, packets)
    return Checked(watched.messages, _outcome(watched))


def _judge(events: Sequence[Event], conversation: Conversation, packets: int) -> None:
    if len(events) > _MOST_EVENTS * packets:
        raise Breach(f"tells {len(events)} events of {packets} packets")
    for _, told in encoded(events):
        if any(told.get(count, 0) > conversation.size for count in _COUNTS):
            raise Breach(f"tells of more than was said: {told}")


def _outcome(watched: Watched) -> object:
    return tuple(event.name for event in watched.events[:20]), str(watched.answers[-2:])
