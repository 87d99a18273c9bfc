"""A server that hears the client's offer of ciphers before it makes its own.

By the protocol the client's order decides, and OpenSSH's has one first that costs us several times
as much as ours. A server that offers just one cipher decides by itself, and one that knows what the
client has can do so. Nearly all clients send their offer without waiting for ours; those that wait
get all of it, a little later. Source: RFC 4253, section 7.1.
"""

import asyncio
from typing import Any

from asyncssh.connection import SSHServerConnection
from asyncssh.constants import MSG_KEXINIT
from asyncssh.packet import SSHPacket

_COOKIE = 16  # bytes at the start of an offer
_PATIENCE = 0.1  # seconds


class Answering(SSHServerConnection):
    """Before a connection's first key exchange; with later ones all stays as it is."""

    _offering: asyncio.TimerHandle | None = None

    def _send_kexinit(self) -> None:
        if self._client_kexinit:
            super()._send_kexinit()
        else:
            self._offering = self._loop.call_later(_PATIENCE, self._offer_all)

    def _offer_all(self) -> None:
        self._offering = None
        super()._send_kexinit()

    def process_packet(self, pkttype: int, pktid: int, packet: SSHPacket) -> Any:
        if pkttype == MSG_KEXINIT and self._offering is not None:
            self._answer(SSHPacket(packet.get_remaining_payload()))
        return super().process_packet(pkttype, pktid, packet)

    def _answer(self, offer: SSHPacket) -> None:
        """Offer nothing but the best cipher that the client has."""
        assert self._offering is not None
        self._offering.cancel()
        self._offering = None
        self._kexinit_sent = False
        offer.get_bytes(_COOKIE)
        offer.get_namelist()  # key exchanges
        offer.get_namelist()  # host keys
        theirs = set(offer.get_namelist()) & set(offer.get_namelist())
        self._enc_algs = [ours for ours in self._enc_algs if ours in theirs][:1] or self._enc_algs
