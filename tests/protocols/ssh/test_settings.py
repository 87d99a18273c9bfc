"""What asyncssh is told, where a client would notice that it is not."""

from protocols.api import TcpEndpoint
from protocols.ssh.client_side import make_host_key
from protocols.ssh.settings import as_client, as_server


def test_the_key_exchange_that_dropbears_client_guesses_comes_first() -> None:
    """It takes ours for other than its own else, and repeats what asyncssh has taken already."""
    assert as_server(make_host_key()).kex_algs[0] == b"curve25519-sha256"


def test_no_cipher_chains_its_blocks() -> None:
    """With one that did, each packet would have to follow an empty one: the relay sends none."""
    for options in (as_server(make_host_key()), as_client("joe", TcpEndpoint("web", 22), None)):
        assert options.encryption_algs
        assert not any(name.endswith(b"cbc") for name in options.encryption_algs)
