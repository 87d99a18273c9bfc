"""The gate with its tap, beside a second reading of what both were shown.

Whatever the bytes are, every packet goes on as it came, but for those that a role's clients may not
send; and it is all one how they were cut.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from protocols.api import Gate, Side, Tap
from protocols.errors import Refusal
from protocols.mysql.compressed_gate import gate
from tests.fuzz.conversation import Conversation, in_pieces
from tests.fuzz.limits import in_time, weigh
from tests.fuzz.mysql.frames import claimed
from tests.fuzz.mysql.framing import FRAMES, PACKETS, body, in_small_packets, packets_of
from tests.fuzz.mysql.settings import flow, login
from tests.fuzz.mysql.tap import in_frames, new_tap, small_limit
from tests.fuzz.taps import MOST_HIDDEN, PER_HIDDEN, WHOLE, cuts
from tests.fuzz.target import Breach, Checked
from tests.protocols.mysql.conversation import init_db, query

_SECONDS, _SECONDS_PER_BYTE = 0.02, 1e-5
_EMPTY, _PER_MESSAGE, _PER_BYTE = 131_072, 1_000, 20
_CHANGE_USER, _RESET = 0x11, 0x1F
_DECIDED = frozenset((0x00, 0x11, 0x12, 0x13, 0x15, 0x1E, 0x20, 0xEF))
_KNOWN = frozenset(
    (*range(0x0B), 0x0C, 0x0D, 0x0E, *range(0x11, 0x14), *range(0x15, 0x1D), 0x1E, 0x1F, 0x20, 0xFA)
)
_IMPATIENT = "did not wait for the answers around its COM_CHANGE_USER"
_OURS = tuple(said[4:] for said in (query("SIGNAL SQLSTATE "), query("SET character_set_client ")))
_OURS_WITH_ATTRIBUTES = tuple(said[:1] + b"\0\1" + said[1:] for said in _OURS)
_DATABASES = tuple(init_db(name)[4:] for name in ("app_db", "shop"))

Gated = tuple[Tap, Gate]


def new_gate(dice: int, *, compressed: bool = False) -> Gated:
    """Every gate of the fuzzers is made here, with the tap that it asks."""
    tap = new_tap(lambda _: None, dice, compressed=compressed)
    return tap, gate(login(dice), flow(dice, compressed=compressed), tap)


@dataclass(slots=True)
class Passed:
    """What went on to either side, and how it ended."""

    to_upstream: bytearray = field(default_factory=bytearray)
    to_client: bytearray = field(default_factory=bytearray)
    end: str = ""


def pass_through(
    make: Callable[[int], Gated], said: Conversation, sizes: Sequence[int], hidden: int = 0
) -> Passed:
    """As the relay does: the tap sees what the client sends, and what the client gets."""
    tap, gate = make(said.dice)
    passed = Passed()
    try:
        for step in said.steps:
            for chunk in _chunks(step.data, sizes) if not _waits(step.side, tap) else ():
                if step.side is Side.CLIENT:
                    tap.client_sent(chunk)
                    passed.to_upstream += gate.client_sent(chunk)
                else:
                    goes_on = bytes(gate.upstream_sent(chunk))
                    tap.upstream_sent(memoryview(goes_on))
                    passed.to_client += goes_on
    except Refusal as refusal:
        passed.end = f"{type(refusal).__name__}: {refusal}"
    messages = sum(len(PACKETS.split(step.data)) for step in said.steps)
    most = _EMPTY + _PER_MESSAGE * messages + _PER_BYTE * said.size
    most += min(PER_HIDDEN * hidden, MOST_HIDDEN)
    if (weight := weigh(gate)) > most:
        raise Breach(f"keeps {weight} bytes")
    return passed


def _waits(side: Side, tap: Tap) -> bool:
    return side is Side.CLIENT and tap.full


def _chunks(data: bytes, sizes: Sequence[int]) -> Iterator[memoryview]:
    """Each in memory of its own that is used again once it has passed."""
    for piece in in_pieces(data, sizes):
        chunk = bytearray(piece)
        yield memoryview(chunk)
        if chunk != piece:
            raise Breach("changed what it was given")
        chunk[:] = b"\xff" * len(chunk)


def check(conversation: Conversation) -> Checked:
    if _speaks_out_of_turn(conversation):
        passed = pass_through(new_gate, conversation, WHOLE)
        return _checked(conversation, passed)
    passed = _check_cuts(new_gate, conversation)
    if not passed.end:
        compare(conversation, passed)
    return _checked(conversation, passed)


def check_joined(conversation: Conversation) -> Checked:
    """The same in small packets."""
    with small_limit():
        return check(in_small_packets(conversation))


def check_compressed(conversation: Conversation) -> Checked:
    """Frames go on as they came where nothing in them is decided."""
    make, framed = partial(new_gate, compressed=True), in_frames(conversation)
    if _speaks_out_of_turn(conversation):
        return _checked(conversation, pass_through(make, framed, WHOLE, conversation.size))
    passed = _check_cuts(make, framed, conversation.size)
    asked = packets_of(conversation, Side.CLIENT)
    if not passed.end and not any(map(_may_be_replaced, asked)):
        for side, went in ((Side.CLIENT, passed.to_upstream), (Side.UPSTREAM, passed.to_client)):
            if not framed.said(side).startswith(bytes(went)) or _lacks_a_frame(framed, side, went):
                raise Breach(f"of {framed.said(side)!r} goes on {bytes(went)!r}")
    return _checked(conversation, passed)


def check_frames(conversation: Conversation) -> Checked:
    """Frames as they came, the most of them broken."""
    hidden = conversation.size + sum(claimed(conversation.said(side)) for side in Side)
    passed = _check_cuts(partial(new_gate, compressed=True), conversation, hidden)
    return _checked(conversation, passed)


def _speaks_out_of_turn(conversation: Conversation) -> bool:
    """Whether upstream may say more than it is asked while a change of user waits for the client:
    what came with an answer is then kept, and what comes later goes on."""
    changes = any(map(_changes_user, packets_of(conversation, Side.CLIENT)))
    answers = [step.data for step in conversation.steps if step.side is Side.UPSTREAM]
    return changes and any(len(PACKETS.split(data)) != 1 for data in answers)


def _checked(conversation: Conversation, passed: Passed) -> Checked:
    messages = sum(len(packets_of(conversation, side)) for side in Side)
    same = passed.to_upstream == conversation.said(Side.CLIENT)
    return Checked(messages, (same, passed.end, len(passed.to_client) > 0))


def _check_cuts(
    make: Callable[[int], Gated], conversation: Conversation, hidden: int = 0
) -> Passed:
    """`hidden` bytes are to be read beside those that are there."""
    bound = _SECONDS + _SECONDS_PER_BYTE * (conversation.size + hidden)
    whole = in_time(lambda: pass_through(make, conversation, WHOLE, hidden), bound)
    for sizes in cuts(conversation):
        cut = pass_through(make, conversation, sizes, hidden)
        if _IMPATIENT in cut.end + whole.end:  # what is in one chunk was sent without waiting
            continue
        # A fault is met before what goes on of its own chunk, and the tap's before the gate's.
        if bool(cut.end) != bool(whole.end) or not (cut == whole or whole.end):
            raise Breach(f"{cut} goes on where it is cut by {sizes}, else {whole}")
    return whole


def _lacks_a_frame(framed: Conversation, side: Side, went: bytearray) -> bool:
    """More is held back than a frame that is not whole."""
    held = framed.said(side)[len(went) :]
    return len(FRAMES.split(held)) > 1 or (bool(held) and FRAMES.is_whole(held))


def compare(conversation: Conversation, passed: Passed) -> None:
    """What went to upstream is what the client said, but for what it may not say and what is said
    instead; to the client goes all that upstream said, unless a change of user is among it."""
    asked = packets_of(conversation, Side.CLIENT)
    changes = any(map(_changes_user, asked))
    positions = {0}  # in what was asked: a packet that may be ours may also be the client's
    for packet in PACKETS.split(bytes(passed.to_upstream)):
        reached = {after for position in positions for after in _after(asked, position, packet)}
        positions = reached | (positions if _is_ours(packet, changes=changes) else set())
        if not positions:
            raise Breach(f"{packet!r} goes on, of {asked}")
    held = [packet for packet in asked[max(positions) : -1] if not _may_be_replaced(packet)]
    if held and not changes:
        raise Breach(f"{held} do not go on")
    if not changes and passed.to_client != conversation.said(Side.UPSTREAM):
        raise Breach("changed upstream's bytes")


def _after(asked: Sequence[bytes], position: int, packet: bytes) -> Iterator[int]:
    """Where this packet, which went on, may stand in what was asked; what is in front of it there
    must have been replaced, or be what proves a user."""
    while position < len(asked):
        if asked[position] == packet:
            yield position + 1
        proves = position and _changes_user(asked[position - 1])
        if not (proves or _may_be_replaced(asked[position])):
            return
        position += 1


def _changes_user(packet: bytes) -> bool:
    return body(packet)[:1] == bytes((_CHANGE_USER,))


def _may_be_replaced(packet: bytes) -> bool:
    command = body(packet)[:1]
    return not command or command[0] in _DECIDED or command[0] not in _KNOWN


def _is_ours(packet: bytes, *, changes: bool) -> bool:
    said = body(packet)
    if said.startswith(_OURS + _OURS_WITH_ATTRIBUTES):
        return True
    return changes and said in (bytes((_RESET,)), *_DATABASES)
