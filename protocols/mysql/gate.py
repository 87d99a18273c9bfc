"""Which commands reach upstream: all but those that a role's clients may not give.

A refused command goes on as a statement that upstream answers with the error, so that the answers
keep their order. COM_INIT_DB passes, whatever database it names: USE does the same in a statement,
and what an account may see is upstream's to say.

Most chunks are one whole harmless command, and pass as they are. A command that must be decided on
is held until it is whole, and so are the few bytes in front of a command's first.

It also looks out for the byte that a request for a file of the client's begins with: as long as
there is none, the tap may be shown later what upstream says.
"""

from collections.abc import Generator
from typing import Any

from protocols.api import Chunk, Receive, Send, Side
from protocols.api import Command as Step
from protocols.errors import ClientProtocolError, Reason, Refusal
from protocols.mysql.capabilities import Agreed, Capability
from protocols.mysql.change_user import ChangeUser, change_user
from protocols.mysql.commands import REPLICATION, Command, among, command_name, query
from protocols.mysql.handshake import choose_database
from protocols.mysql.login import MysqlLogin
from protocols.mysql.messages import ErrPacket
from protocols.mysql.packets import HEADER_SIZE, MAX_PAYLOAD, packet
from protocols.mysql.refusals import error_packet
from protocols.mysql.tap import MysqlTap

_DECIDED = REPLICATION | {Command.CHANGE_USER, Command.CLONE, Command.SLEEP}
_HARMLESS = frozenset(Command) - _DECIDED
_ASKS_FOR_FILE = 0xFB  # a packet that begins so
_HEADER = HEADER_SIZE
_LARGEST_DECIDED = 1 << 17  # bytes; COM_CHANGE_USER may have 64 KiB of attributes
_LONGEST_MESSAGE = 128  # that SIGNAL takes
_IMPATIENT = "the client did not wait for the answers around its COM_CHANGE_USER"


class MysqlGate:
    """Decides for one session. `decided` counts the packets that did not go on as they came."""

    def __init__(self, login: MysqlLogin, agreed: Agreed, tap: MysqlTap) -> None:
        self.decided = 0
        self._login = login
        self._agreed = agreed
        self._tap = tap
        replication = REPLICATION if login.options.replication else frozenset()
        self._harmless = among(_HARMLESS | replication)
        self._held = bytearray()  # of a packet that cannot be decided on yet
        self._skip = 0  # bytes still to come of a packet that passes
        self._goes_on = False  # the packet before does, in the next one
        self._files = 0  # that the client has sent to their end
        self._change: Generator[Step, Any, bytes] | None = None
        self._waits_for = Side.UPSTREAM  # the side whose bytes the change needs
        self._limit = MAX_PAYLOAD
        files = Capability.LOCAL_FILES in agreed.capabilities
        self._looks_out = files and agreed.compression is None
        if self._looks_out:
            tap.upstream_may_wait = True
        self._plain = True  # a command is next, and nothing is in the way of it

    @property
    def holding(self) -> bool:
        return bool(self._held)

    @property
    def changing(self) -> bool:
        """Whether a COM_CHANGE_USER is under way."""
        return self._change is not None

    def client_sent(self, chunk: Chunk) -> Chunk:
        size = len(chunk)
        if self._plain and _HEADER < size < self._limit:
            head = chunk if isinstance(chunk, bytes) else bytes(chunk[:5])
            payload = head[0] | head[1] << 8 | head[2] << 16
            if size - _HEADER == payload and self._harmless[head[4]]:
                return chunk
        if size < self._skip:
            self._skip -= size
            return chunk
        return self._look(chunk)

    def upstream_sent(self, chunk: Chunk) -> Chunk:
        if self._looks_out and (isinstance(chunk, memoryview) or _ASKS_FOR_FILE in chunk):
            self._tap.look_out()
        if self._change is None or self._waits_for is not Side.UPSTREAM:
            return chunk
        return self._go_on(bytes(chunk))

    # -- the client's packets ---------------------------------------------------------------------

    def _look(self, chunk: Chunk) -> bytes:
        self._held += chunk
        passed = bytearray(self._take(self._skip))
        while not self._skip and len(self._held) >= HEADER_SIZE:
            size = int.from_bytes(self._held[:3], "little")
            passes = self._passes(size)
            if passes:
                self._goes_on, self._skip = size == MAX_PAYLOAD, HEADER_SIZE + size
                passed += self._take(self._skip)
            elif passes is None or not self._is_whole(size):
                break
            else:
                self.decided += 1
                passed += self._decide(self._cut(HEADER_SIZE + size))
        self._settle()
        return bytes(passed)

    def _passes(self, size: int) -> bool | None:
        """Whether the packet that begins goes on as it is; None where that cannot be told yet."""
        if self._change is not None:
            return False
        if self._goes_on:
            return True
        if self._files < self._tap.files:
            self._files += not size  # an empty packet is a file's end
            return True
        if size and len(self._held) == HEADER_SIZE:
            return None
        return size > 0 and bool(self._harmless[self._held[HEADER_SIZE]])

    def _is_whole(self, size: int) -> bool:
        if size > _LARGEST_DECIDED:
            raise ClientProtocolError("a command is longer than it may be", Reason.OVERSIZED)
        return len(self._held) >= HEADER_SIZE + size

    def _take(self, most: int) -> bytes:
        """What is there of a packet that passes."""
        taken = self._cut(most)
        self._skip -= len(taken)
        return taken

    def _cut(self, most: int) -> bytes:
        taken = bytes(self._held[:most])
        del self._held[:most]
        return taken

    def _settle(self) -> None:
        busy = self._held or self._skip or self._goes_on or self._change
        self._plain = not busy

    # -- decisions --------------------------------------------------------------------------------

    def _decide(self, whole: bytes) -> bytes:
        """What goes on instead of a packet."""
        if self._change is not None:
            if self._waits_for is not Side.CLIENT:
                raise ClientProtocolError(_IMPATIENT)
            return self._go_on(whole)
        payload = whole[HEADER_SIZE:]
        command = payload[0] if payload else Command.SLEEP
        if command == Command.CHANGE_USER:
            return self._begin_change(payload)
        name = command_name(command)
        what = f"replication ({name})" if command in REPLICATION else name
        sentence = f'role "{self._login.role}" does not allow {what}'
        return self._refuse(Refusal(Reason.DENIED, sentence))

    def _begin_change(self, payload: bytes) -> bytes:
        if not self._tap.quiet:
            raise ClientProtocolError(_IMPATIENT)
        try:
            wanted = ChangeUser.decode(payload, self._agreed.capabilities)
            database = choose_database(wanted.database, self._login)
        except ValueError as fault:
            raise ClientProtocolError(f"COM_CHANGE_USER is malformed: {fault}") from None
        except Refusal as refusal:
            return self._refuse(refusal)
        self._change = change_user(wanted, database, self._agreed)
        return self._go_on(None)

    def _refuse(self, refusal: Refusal) -> bytes:
        """A statement that fails with this error. In hexadecimal digits, the text is no SQL."""
        error = ErrPacket.decode(error_packet(refusal, 1)[HEADER_SIZE:])
        message = error.message[:_LONGEST_MESSAGE].encode("utf-8", "replace").hex()
        statement = (
            f"SIGNAL SQLSTATE '{error.sqlstate}' SET MYSQL_ERRNO = {error.code}, "
            f"MESSAGE_TEXT = X'{message}'"
        )
        return packet(0, query(statement.encode(), self._agreed))

    def _go_on(self, received: bytes | None) -> bytes:
        """Run the change until it needs more; what it says is all for one side."""
        assert self._change is not None
        said, answer = bytearray(), received
        try:
            while isinstance(step := self._change.send(answer), Send):
                said += step.data
                answer = None
            assert isinstance(step, Receive)
            self._waits_for = step.side
        except StopIteration as end:
            said += end.value
            self._change = None
        self._settle()
        return bytes(said)
