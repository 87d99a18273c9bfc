"""SFTP in one channel, beside a second reading of the same bytes.

However they are cut, the same goes on and the same is told: all that was said, but for a version
that is too high and, where a role only reads, for requests that change something. What upstream
says reaches the client, and between its messages nothing but refusals.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from protocols.api import Event, Side
from protocols.errors import Refusal
from protocols.ssh.encoding import Malformed, Reader, string, uint32
from protocols.ssh.events import SshSubsystem
from protocols.ssh.messages import Message
from protocols.ssh.sftp_messages import VERSION, Fxp
from tests.fuzz.conversation import Conversation, Step, in_pieces
from tests.fuzz.limits import in_time, weigh
from tests.fuzz.ssh.framing import PACKETS, whole
from tests.fuzz.taps import WHOLE, cuts, encoded
from tests.fuzz.target import Breach, Checked
from tests.protocols.ssh.connection import READ_ONLY, data
from tests.protocols.ssh.sftp import Files, refusal

_SECONDS, _SECONDS_PER_BYTE = 0.05, 1e-5
_EMPTY, _PER_MESSAGE, _PER_BYTE = 65_536, 6_000, 20
_SESSION = 100
_SHORTEST = 9  # bytes, without which nobody knows what a message is
_HARMLESS = {
    *(Fxp.CLOSE, Fxp.READ, Fxp.LSTAT, Fxp.FSTAT, Fxp.OPENDIR, Fxp.READDIR),
    *(Fxp.REALPATH, Fxp.STAT, Fxp.READLINK),
}
_HARMLESS_EXTENSIONS = {
    *(b"statvfs@openssh.com", b"fstatvfs@openssh.com", b"expand-path@openssh.com"),
    *(b"home-directory", b"users-groups-by-id@openssh.com", b"limits@openssh.com"),
}


@dataclass(frozen=True, slots=True)
class _Spoken:
    """What either side was sent, what was told, and what ended it."""

    to_client: bytes
    to_upstream: bytes
    events: list[Event]
    end: str


def seeds(sessions: Sequence[Conversation]) -> list[Conversation]:
    """What was said in the sessions' SFTP channels."""
    found = []
    for session in sessions:
        if b"\0\0\0\4sftp" in session.said(Side.CLIENT):
            steps = [Step(step.side, _borne(step.data)) for step in session.steps]
            said = tuple(step for step in steps if step.data)
            found += [Conversation(said), Conversation(said, dice=1)]
    return found


def _borne(packets: bytes) -> bytes:
    return b"".join(packet[9:] for packet in whole(packets) if packet[0] == Message.CHANNEL_DATA)


def check(conversation: Conversation) -> Checked:
    bound = _SECONDS + _SECONDS_PER_BYTE * conversation.size
    spoken = in_time(lambda: _speak(conversation, WHOLE), bound)
    for sizes in cuts(conversation):
        cut = _speak(conversation, sizes)
        same = (cut.end, _of_files(cut)) == (spoken.end, _of_files(spoken))
        # A fault is met before what goes on of its own packet.
        if not same or not (spoken.end or cut == spoken):
            raise Breach(f"{cut} where it is cut by {sizes}, else {spoken}")
    _compare(conversation, spoken)
    encoded(spoken.events)
    messages = sum(len(PACKETS.split(step.data)) for step in conversation.steps)
    return Checked(messages, (spoken.end, len(spoken.to_upstream) > 100, len(spoken.events)))


def _of_files(spoken: _Spoken) -> list[Event]:
    return [event for event in spoken.events if not isinstance(event, SshSubsystem)]


def _speak(conversation: Conversation, sizes: Sequence[int]) -> _Spoken:
    files = Files(options=READ_ONLY if conversation.dice % 2 else None)
    connection, end = files.connection, ""
    try:
        for step in conversation.steps:
            for piece in in_pieces(step.data, sizes):
                if step.side is Side.CLIENT:
                    connection.client(data(_SESSION, piece))
                else:
                    connection.upstream(data(0, piece))
    except Refusal as refusal_:
        end = f"{refusal_} {refusal_.detail}"
    messages = sum(len(PACKETS.split(step.data)) for step in conversation.steps)
    most = _EMPTY + _PER_MESSAGE * messages + _PER_BYTE * conversation.size
    if (weight := weigh(connection.channels)) > most:
        raise Breach(f"keeps {weight} bytes of {messages} messages")
    connection.channels.close()
    to_client, to_upstream = files.taken()
    return _Spoken(to_client, to_upstream, connection.events, end)


def _compare(conversation: Conversation, spoken: _Spoken) -> None:
    read_only = bool(conversation.dice % 2)
    said = PACKETS.split(conversation.said(Side.CLIENT))
    expected = b"".join(map(_lowered, filter(_reads, said) if read_only else said))
    if not expected.startswith(spoken.to_upstream):
        raise Breach(f"{spoken.to_upstream!r} reaches upstream, not {expected!r}")
    held = _SHORTEST + len(said[-1] if said else b"")
    if not spoken.end and len(expected) - len(spoken.to_upstream) > held:
        raise Breach(f"only {spoken.to_upstream!r} reaches upstream of {expected!r}")
    answers = conversation.said(Side.UPSTREAM)
    told = [m for m in PACKETS.split(spoken.to_client) if not (read_only and _refuses(m))]
    if not answers.startswith(b"".join(told)) or not (spoken.end or b"".join(told) == answers):
        raise Breach(f"{spoken.to_client!r} reaches the client of {answers!r}")


def _lowered(message: bytes) -> bytes:
    """A request as it goes on: INIT asks for no version that nobody here knows."""
    if not PACKETS.is_whole(message) or message[4:5] != bytes((Fxp.INIT,)) or len(message) < 9:
        return message
    version = min(VERSION, int.from_bytes(message[5:9], "big"))
    return message[:5] + uint32(version) + message[9:]


def _reads(message: bytes) -> bool:
    if not PACKETS.is_whole(message) or len(message) < 9:
        return True  # what goes on of it is less than a request
    kind, reader = message[4], Reader(message, 9)
    try:
        if kind == Fxp.OPEN:
            reader.string()
            return reader.uint32() in (0, 1)
        if kind == Fxp.EXTENDED:
            return reader.string() in _HARMLESS_EXTENSIONS
    except Malformed:
        return False
    return kind == Fxp.INIT or kind in _HARMLESS


def _refuses(message: bytes) -> bool:
    """Whether it is an answer of ours, whichever request it is to."""
    return len(message) >= 9 and message == refusal(int.from_bytes(message[5:9], "big"))


def made() -> list[Conversation]:
    """A request of every type there is, with few bytes behind it, and an answer."""
    fields = string(b"a") + uint32(1) + string(b"b") + uint32(0) * 4
    kinds = (*range(21), Fxp.EXTENDED)
    asked = [string(bytes((kind,)) + uint32(7) + fields) for kind in kinds]
    answered = string(bytes((Fxp.STATUS,)) + uint32(7) + uint32(0) + string(b"") * 2)
    return [
        Conversation((Step(Side.CLIENT, one), Step(Side.UPSTREAM, answered)), dice)
        for one in asked
        for dice in (0, 1)
    ]
