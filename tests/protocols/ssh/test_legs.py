"""What protocols/ssh/legs.py and what it is made of know of asyncssh's insides is so.

Another version of asyncssh fails here and nowhere else: whoever takes it reads what has become of
these functions, mends them where it must be, and writes down their new digests.
"""

import inspect
from hashlib import sha256

import asyncssh
import pytest
from asyncssh import encryption
from asyncssh.connection import SSHClientConnection, SSHConnection, SSHServerConnection
from asyncssh.packet import SSHPacket, SSHPacketHandler

from protocols.api import TcpEndpoint
from protocols.ssh.answering import Answering
from protocols.ssh.client_side import make_host_key
from protocols.ssh.legs import ClientLeg, Leg, UpstreamLeg
from protocols.ssh.packets import Packets
from protocols.ssh.settings import as_client, as_server

# Overridden, called, or done once more there; and what calls these.
_READ = {
    SSHConnection.__init__: "41da2e469f2a3964",
    SSHConnection._cleanup: "ea4cd2aed57194e5",
    SSHConnection._finish_recv_packet: "e12d96db58b3524e",
    SSHConnection._finish_userauth: "bd2146536318273d",
    SSHConnection._force_close: "264b4367525f4f86",
    SSHConnection._process_kexinit: "439bdf2fc55e6737",
    SSHConnection._process_newkeys: "a0331fe3cfd09d0b",
    SSHConnection._recv_data: "fc4e0735191bb0fd",
    SSHConnection._recv_packet: "b3daa22e9763eee9",
    SSHConnection._recv_pkthdr: "7adc4d88fe20593c",
    SSHConnection._recv_version: "05573b0ac8886bf3",
    SSHConnection._send: "c6698a37eb80f574",
    SSHConnection._send_deferred_packets: "c5ef8240853eb331",
    SSHConnection._send_kexinit: "275ddc818b59f44b",
    SSHConnection.connection_lost: "ea050d93536d711a",
    SSHConnection.connection_made: "e7b867af0f590a2c",
    SSHConnection.data_received: "b2d14a83b2604db6",
    SSHConnection.disconnect: "3d29c54a26ec5242",
    SSHConnection.eof_received: "49d7a5b4cee006fd",
    SSHConnection.pause_writing: "a69ec7dae4f504a2",
    SSHConnection.resume_writing: "a324675672f6b924",
    SSHConnection.send_newkeys: "0b41234420373618",
    SSHConnection.send_packet: "fb9da7bec6dd395a",
    SSHConnection.send_userauth_success: "812e749ee2432e4b",
    SSHServerConnection.reload_config: "d78b0be8399d5491",
    SSHClientConnection._connection_made: "f777615b02719315",
    SSHPacket.get_full_payload: "6ecec7037a0f5d47",
    SSHPacketHandler.process_packet: "490a59d971d0ce03",
    encryption.encryption_needs_mac: "56eab10260748e62",
    encryption.get_encryption: "23e1cd4df063d09b",
    encryption.get_encryption_params: "94d714f8def4ae22",
    encryption.register_encryption_alg: "212dd442f2889166",
}


@pytest.mark.parametrize("function", _READ, ids=lambda function: function.__qualname__)
def test_it_is_the_function_that_was_read(function: object) -> None:
    digest = sha256(inspect.getsource(function).encode()).hexdigest()[:16]  # type: ignore[arg-type]
    assert digest == _READ[function], (  # type: ignore[index]
        f"asyncssh {asyncssh.__version__} has changed this: see whether protocols/ssh/legs.py, "
        "packets.py, answering.py and gcm.py still do what they should"
    )


_ATTRIBUTES: dict[str, type] = {
    "_auth_complete": bool,
    "_auth_final": bool,
    "_channels": object,
    "_client_kexinit": bytes,
    "_compressor": type(None),
    "_decompressor": type(None),
    "_deferred_packets": list,
    "_enc_algs": list,
    "_inpbuf": bytes,
    "_kex_complete": bool,
    "_kexinit_sent": bool,
    "_loop": object,
    "_max_recv_pktlen": int,
    "_protocol_factory": object,
    "_recv_encryption": type(None),
    "_recv_handler": object,
    "_recv_seq": int,
    "_rekey_bytes": int,
    "_rekey_bytes_sent": int,
    "_rekey_time": float,
    "_send_blocksize": int,
    "_send_enchdrlen": int,
    "_send_encryption": type(None),
    "_send_seq": int,
    "_transport": type(None),
}
"""Which they read or set, with their types in a connection that has not begun."""


@pytest.mark.parametrize("side", ["client", "upstream"])
@pytest.mark.parametrize("name", _ATTRIBUTES)
async def test_a_connection_has_it(side: str, name: str) -> None:
    assert isinstance(vars(_leg(side))[name], _ATTRIBUTES[name])


_KINDS = (Packets, Leg, Answering, ClientLeg)
_NAMES = {name for kind in _KINDS for name in vars(kind) if not name.startswith("__")}


@pytest.mark.parametrize("name", sorted(_NAMES))
def test_nothing_is_overridden_by_accident(name: str) -> None:
    """A name of our own is none of asyncssh's."""
    theirs = hasattr(SSHClientConnection, name) or hasattr(SSHServerConnection, name)
    assert theirs == (name in _OVERRIDDEN)


_OVERRIDDEN = {
    "_force_close",
    "_recv_data",
    "_recv_pkthdr",
    "_send",
    "_send_deferred_packets",
    "_send_kexinit",
    "connection_lost",
    "eof_received",
    "log_received_packet",
    "log_sent_packet",
    "pause_writing",
    "process_packet",
    "reload_config",
    "resume_writing",
}


async def test_none_of_our_attributes_is_one_of_theirs() -> None:
    ours = {"passed", "other", "received", "closed", "protocol", "_holds", "_closing", "_outgoing"}
    plain = asyncssh.SSHClientConnection
    leg = _leg("upstream")
    assert ours <= vars(leg).keys()
    theirs = vars(plain(leg._loop, as_client("joe", _PLACE, None))).keys()
    assert not {*ours, "_offering"} & theirs


_PLACE = TcpEndpoint("localhost", 22)


def _leg(side: str) -> Leg:
    if side == "client":
        return ClientLeg(as_server(make_host_key()), asyncssh.SSHServer())
    return UpstreamLeg(as_client("joe", _PLACE, None), asyncssh.SSHClient())
