"""What asyncssh is told, where a client would notice that it is not."""

from protocols.ssh.client_side import make_host_key
from protocols.ssh.settings import as_server


def test_the_key_exchange_that_dropbears_client_guesses_comes_first() -> None:
    """It takes ours for other than its own else, and repeats what asyncssh has taken already."""
    assert as_server(make_host_key()).kex_algs[0] == b"curve25519-sha256"
