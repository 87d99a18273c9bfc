"""MySQL's tap, and what its events may tell of a conversation.

It is shown packets as they came; packets of which the smallest have as much as one can have, so
that all others go on in the next; and packets in compressed frames.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import import_module
from random import Random
from unittest.mock import patch

from protocols.api import Emit, Event, Side
from protocols.mysql.statements import LONGEST
from protocols.mysql.tap import MysqlTap
from tests.fuzz import taps
from tests.fuzz.conversation import Conversation, Step
from tests.fuzz.mysql.frames import claimed, has_long_frame, inflate
from tests.fuzz.mysql.framing import (
    FRAMES,
    PACKETS,
    SMALL_PACKETS,
    body,
    ends_packet,
    in_small_packets,
    packets_of,
)
from tests.fuzz.mysql.settings import algorithm, flow, login
from tests.fuzz.target import Breach, Checked
from tests.protocols.mysql.conversation import COMPRESS

_QUERY, _PREPARE, _COMMAND = "mysql.query", "mysql.prepare", "mysql.command"
_STMT_PREPARE = b"\x16"
_MOST_WARNINGS = 0xFFFF
_LIMIT = {"MAX_PAYLOAD": SMALL_PACKETS.limit}
_LIMITS = _LIMIT | {"_KEPT": SMALL_PACKETS.limit - 1}
_SMALLER = {"frames": _LIMIT, "gate": _LIMIT, "replies": _LIMITS, "requests": _LIMITS}


def new_tap(
    emit: Emit, dice: int, *, parameters: bool | None = None, compressed: bool = False
) -> MysqlTap:
    """Every tap of the fuzzers is made here."""
    role = login(dice, parameters=parameters)
    return MysqlTap(emit, lambda: 0.0, role, flow(dice, compressed=compressed))


def watch(conversation: Conversation, sizes: Sequence[int]) -> taps.Watched:
    return taps.watch(new_tap, PACKETS.split, conversation, sizes)


def check(conversation: Conversation) -> Checked:
    return taps.check(watch, ends_packet, judge, conversation)


def check_audited(conversation: Conversation) -> Checked:
    """The same where parameters are audited."""
    audited = partial(new_tap, parameters=True)
    return taps.check(partial(taps.watch, audited, PACKETS.split), ends_packet, judge, conversation)


def check_joined(conversation: Conversation) -> Checked:
    """The same in small packets."""
    small = in_small_packets(conversation)
    with small_limit():
        return taps.check(watch, partial(ends_packet, framing=SMALL_PACKETS), judge, small)


@contextmanager
def small_limit() -> Iterator[None]:
    """Within, a packet of 63 bytes goes on in the next one, and fewer are kept of each."""
    with ExitStack() as stack:
        for name, smaller in _SMALLER.items():
            module = import_module(f"protocols.mysql.{name}")
            for constant, number in smaller.items():
                stack.enter_context(patch.object(module, constant, number))
        yield


# -- compressed -----------------------------------------------------------------------------------


def check_compressed(conversation: Conversation) -> Checked:
    """It tells of packets in frames what it tells of them without."""

    def ends(steps: Sequence[Step]) -> bool:
        return ends_packet(conversation.steps[: len(steps)])

    framed_conversation = in_frames(conversation)
    checked = taps.check(watch_frames, ends, _only_encode, framed_conversation, conversation.size)
    plain = watch(conversation, taps.WHOLE)
    framed = watch_frames(framed_conversation, taps.WHOLE)
    if framed.events != plain.events:
        raise Breach(f"tells {framed.events} where packets are in frames, else {plain.events}")
    return checked


def check_frames(conversation: Conversation) -> Checked:
    """Frames as they came, the most of them broken."""

    def ends(steps: Sequence[Step]) -> bool:
        said = b"".join(step.data for step in steps if step.side is Side.UPSTREAM)
        plain = inflate(said, algorithm(conversation.dice))
        return FRAMES.ends(said) if plain is None else PACKETS.ends(plain)

    hidden = conversation.size + sum(claimed(conversation.said(side)) for side in Side)
    return taps.check(_watch_broken_frames, ends, _only_encode, conversation, hidden)


def _watch_broken_frames(conversation: Conversation, sizes: Sequence[int]) -> taps.Watched:
    """Of a long frame that is broken, more was read before that is found out if it came in pieces:
    an answer may be over by then."""
    watched = watch_frames(conversation, sizes)
    is_broken = "packet that is malformed" in str(watched.answers[-2:-1])
    if is_broken and any(has_long_frame(conversation.said(side)) for side in Side):
        watched.sure = watched.ended
    return watched


def watch_frames(conversation: Conversation, sizes: Sequence[int]) -> taps.Watched:
    return taps.watch(partial(new_tap, compressed=True), FRAMES.split, conversation, sizes)


def in_frames(conversation: Conversation) -> Conversation:
    """A frame has some packets, or a piece of one; the dice say which, and whether it is
    compressed."""
    random = Random(conversation.dice)
    compress = COMPRESS[algorithm(conversation.dice)]
    steps = []
    for step in conversation.steps:
        framed, position, number = bytearray(), 0, 0
        while position < len(step.data):
            plain = step.data[position : position + _frame_size(random, step.data[position:])]
            squeezed = random.random() < 0.6
            payload = compress(plain) if squeezed else plain
            framed += len(payload).to_bytes(3, "little") + bytes((number & 0xFF,))
            framed += (len(plain) if squeezed else 0).to_bytes(3, "little") + payload
            position, number = position + len(plain), number + 1
        steps.append(Step(step.side, bytes(framed)))
    return Conversation(tuple(steps), conversation.dice)


def _frame_size(random: Random, data: bytes) -> int:
    whole = len(PACKETS.split(data[:65_536])[0])
    return random.choice((whole, whole, whole, len(data), random.randint(1, 2 * whole)))


def _only_encode(events: Sequence[Event], _: Conversation) -> None:
    taps.encoded(events)


# -- what is told ---------------------------------------------------------------------------------


def judge(events: Sequence[Event], conversation: Conversation) -> None:
    """Events tell of no more than there was."""
    told = taps.encoded(events)
    queries = [event for name, event in told if name == _QUERY]
    prepares = sum(name == _PREPARE for name, _ in told)
    asked, said = packets_of(conversation, Side.CLIENT), packets_of(conversation, Side.UPSTREAM)
    size = len(conversation.said(Side.CLIENT))
    if len(told) - prepares > len(asked):
        raise Breach(f"tells of {len(told)} commands")
    if prepares > sum(body(packet)[:1] == _STMT_PREPARE for packet in asked):
        raise Breach(f"tells of {prepares} prepared statements")
    bounds = {"rows": len(said), "loaded_bytes": size, "warnings": _MOST_WARNINGS * len(said)}
    for name, most in bounds.items():
        if (count := sum(event[name] for event in queries)) > most:
            raise Breach(f"tells of {count} {name}, more than {most}")
    _judge_texts([event for name, event in told if name != _COMMAND], size)


def _judge_texts(told: Sequence[taps.Fields], size: int) -> None:
    for event in told:
        if event["statement_bytes"] > size:
            raise Breach(f"tells of a statement of {event['statement_bytes']} bytes")
        if event["statement_sha256"] and event["statement_bytes"] <= LONGEST:
            raise Breach("tells the digest of a statement that it tells whole")
