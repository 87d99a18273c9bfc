"""SFTP's messages as a channel's data cut them: a head of each, and the rest as it comes.

A head is as much of a message as the audit has to know. It is kept until it is whole, so it is
bounded; what is behind it never is kept.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from protocols.ssh.encoding import Malformed

LENGTH = 4
_SHORTEST = 9  # length, type, number
_LARGEST_HEAD = 1 << 16  # bytes; a path has 4,096 on Linux, and no request has more than two

_GLANCE = 16  # bytes, which tell how long a head is

HeadSize = Callable[[bytes | bytearray], int]
"""How many bytes a message's head has, its length first, as far as those tell that are there: at
least the first nine."""


class Part(NamedTuple):
    """Some data, all of one message. `head` is the message's, where it is whole just now, and
    `ends` whether the message is."""

    data: memoryview
    in_head: bool
    head: bytes | None
    ends: bool


class Frames:
    """One direction of one channel."""

    def __init__(self, head_size: HeadSize) -> None:
        self._head_size = head_size
        self._head = bytearray()
        self._left = 0  # of the message at hand, behind its head

    @property
    def in_head(self) -> bool:
        """Whether a head is there that is not whole."""
        return bool(self._head)

    @property
    def at_boundary(self) -> bool:
        return not self._head and not self._left

    def split(self, data: memoryview) -> Iterator[Part]:
        position = 0
        while position < len(data):
            take = self._take_rest if self._left else self._take_head
            part = take(data[position:])
            position += len(part.data)
            yield part

    def _take_rest(self, data: memoryview) -> Part:
        data = data[: self._left]
        self._left -= len(data)
        return Part(data, in_head=False, head=None, ends=not self._left)

    def _take_head(self, data: memoryview) -> Part:
        held = len(self._head)
        size = self._wanted(bytes(self._head) + bytes(data[:_GLANCE]))
        data = data[: size - held]
        self._head += data
        if len(self._head) < size:
            return Part(data, in_head=True, head=None, ends=False)
        head = bytes(self._head)
        self._head.clear()
        self._left = message_size(head) - len(head)
        return Part(data, in_head=True, head=head, ends=not self._left)

    def _wanted(self, start: bytes) -> int:
        """How many bytes the head has, as far as its start tells."""
        if len(start) < _SHORTEST:
            return _SHORTEST
        whole, size = message_size(start), _SHORTEST
        if whole >= _SHORTEST:
            size = max(size, self._head_size(start[:whole]))  # behind it begins another
        if size > whole:
            raise Malformed("an SFTP message in it is shorter than its fields")
        if size > _LARGEST_HEAD:
            raise Malformed(f"an SFTP message in it is too long: {size} bytes")
        return size


def message_size(head: bytes | bytearray) -> int:
    """With its length."""
    return LENGTH + int.from_bytes(head[:LENGTH], "big")
