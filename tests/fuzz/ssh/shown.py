"""One connection's channels, shown packets as a tap is shown bytes, in whatever pieces.

Whoever sends what is not the protocol is blamed for it, and at the end nothing is open.
"""

from collections.abc import Callable

from protocols.api import Chunk, Emit, Side
from protocols.errors import ClientProtocolError, Refusal, ServerProtocolError
from protocols.ssh.channels import Channels, Verdict
from protocols.ssh.options import SshOptions
from tests.fuzz.conversation import Conversation
from tests.fuzz.ssh.framing import PACKETS
from tests.fuzz.ssh.settings import options
from tests.fuzz.taps import WHOLE, show
from tests.fuzz.target import Breach

_LENGTH = 4
_BLAME = {Side.CLIENT: ClientProtocolError, Side.UPSTREAM: ServerProtocolError}


class Tape:
    """A recording that keeps nothing, and no more than `most` bytes of that."""

    def __init__(self, most: float) -> None:
        self._most = most
        self.refusal: Refusal | None = None
        self.closed = False

    def write(self, data: bytes) -> None:
        if self.closed:
            raise Breach("writes to a recording that is closed")
        self._most -= len(data)
        if self._most < 0 and self.refusal is not None:
            self.closed = True
            raise self.refusal

    def close(self) -> None:
        self.closed = True


class Shown:
    """`passed` is told each packet that goes on, and to which side."""

    full = False
    upstream_may_wait = False

    def __init__(
        self,
        emit: Emit,
        role: SshOptions,
        passed: Callable[[Side, bytes], None] = lambda side, packet: None,
        new_tape: Callable[[], Tape] = lambda: Tape(float("inf")),
    ) -> None:
        self._channels = Channels(emit, lambda: 0.0, role, self._record)
        self._passed = passed
        self._new_tape = new_tape
        self._tapes: list[Tape] = []
        self._held = {side: bytearray() for side in Side}

    def _record(self, name: str) -> Tape:
        self._tapes.append(self._new_tape())
        return self._tapes[-1]

    @property
    def busy(self) -> bool:
        return self._channels.busy

    def may_wait(self, chunk: bytes) -> bool:
        """Each packet is decided on before it goes on."""
        return False

    def last_words(self, refusal: Refusal) -> bytes:
        """A disconnect is not the channels' affair."""
        return b""

    def client_sent(self, chunk: Chunk) -> None:
        self._show(Side.CLIENT, chunk, self._channels.client_sent)

    def upstream_sent(self, chunk: Chunk) -> None:
        self._show(Side.UPSTREAM, chunk, self._channels.upstream_sent)

    def _show(self, side: Side, chunk: Chunk, decide: Callable[[bytes], Verdict | None]) -> None:
        held = self._held[side]
        held += chunk
        while len(held) >= (end := _LENGTH + int.from_bytes(held[:_LENGTH], "big")):
            packet = bytes(held[_LENGTH:end])
            del held[:end]
            try:
                verdict = decide(packet)
            except (ClientProtocolError, ServerProtocolError) as refusal:
                if not isinstance(refusal, _BLAME[side]):
                    raise Breach(f"blames the other side for {packet!r}") from refusal
                raise
            self._hand_on(side, Verdict((packet,)) if verdict is None else verdict)

    def _hand_on(self, side: Side, verdict: Verdict) -> None:
        other = Side.UPSTREAM if side is Side.CLIENT else Side.CLIENT
        for towards, packets in ((other, verdict.onward), (side, verdict.back)):
            for packet in packets:
                self._passed(towards, packet)

    def close(self) -> None:
        try:
            self._channels.close()
        finally:
            if self.busy or not all(tape.closed for tape in self._tapes):
                raise Breach("leaves something open")


def show_all(shown: Shown, conversation: Conversation) -> tuple[int, str]:
    """Until it is over or refused: how many packets it was, and the refusal."""
    messages = 0
    try:
        for step in conversation.steps:
            messages += len(PACKETS.split(step.data))
            show(shown, step, WHOLE)
    except Refusal as refusal:
        return messages, str(refusal)
    return messages, ""


def new_tap(emit: Emit, dice: int) -> Shown:
    return Shown(emit, options(dice))
