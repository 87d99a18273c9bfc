"""Which channels there are, by each side's own numbers for them.

A number is its owner's to give to another channel once both sides have closed the one that has it.
"""

from collections.abc import Container, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from protocols.ssh.channel import Channel
from protocols.ssh.content import Content
from protocols.ssh.encoding import Malformed
from protocols.ssh.messages import recipient_of
from protocols.ssh.outbox import End


@dataclass(frozen=True, slots=True)
class Asked:
    """A channel that one side has asked for: its end of it, and what the channel will bear."""

    end: End
    content: Content


class Tables:
    """One connection's."""

    def __init__(self) -> None:
        self.asked_by_client: dict[int, Asked] = {}
        self.asked_by_upstream: dict[int, Asked] = {}
        self._by_client: dict[int, Channel] = {}
        self._by_upstream: dict[int, Channel] = {}

    @property
    def count(self) -> int:
        return len(self.asked_by_client) + len(self.asked_by_upstream) + len(self._by_client)

    @property
    def at_work(self) -> bool:
        """Whether upstream has something to do before the client is to speak again."""
        channels = self._by_client.values()
        return bool(self.asked_by_client) or any(each.content.at_work for each in channels)

    @property
    def leaving(self) -> bool:
        """Whether the client has closed a channel, and been told so, that upstream has not."""
        channels = self._by_client.values()
        return any(channel.refused and channel.client.closed for channel in channels)

    def check_client_number(self, number: int) -> None:
        _check(number, self._by_client, self.asked_by_client)

    def check_upstream_number(self, number: int) -> None:
        _check(number, self._by_upstream, self.asked_by_upstream)

    def add(self, channel: Channel) -> None:
        self._by_client[channel.client.number] = channel
        self._by_upstream[channel.upstream.number] = channel

    def remove(self, channel: Channel) -> None:
        del self._by_client[channel.client.number]
        del self._by_upstream[channel.upstream.number]
        channel.content.close(finished=True)

    def for_client(self, packet: bytes) -> Channel:
        """The channel that a packet of upstream's is for: it says the client's number."""
        return _find(self._by_client, packet)

    def for_upstream(self, packet: bytes) -> Channel:
        return _find(self._by_upstream, packet)

    def close(self) -> None:
        """Report all that is unfinished, even where the audit takes only some of it."""
        asked = [*self.asked_by_client.values(), *self.asked_by_upstream.values()]
        contents = [each.content for each in asked]
        contents += [channel.content for channel in self._by_client.values()]
        for table in (self.asked_by_client, self.asked_by_upstream):
            table.clear()
        self._by_client.clear()
        self._by_upstream.clear()
        with ExitStack() as stack:
            for content in reversed(contents):
                stack.callback(content.close, finished=False)


def _check(number: int, *taken: Container[int]) -> None:
    if any(number in numbers for numbers in taken):
        raise Malformed(f"channel {number} is there already")


def _find(channels: Mapping[int, Channel], packet: bytes) -> Channel:
    channel = channels.get(recipient_of(packet))
    if channel is None:
        raise Malformed("there is no such channel")
    return channel
