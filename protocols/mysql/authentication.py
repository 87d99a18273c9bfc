"""Upstream's demand for a credential, answered: each plugin's client half, top to bottom.

Source: "Authentication Methods" in MySQL's documentation, "Authentication Plugins" in MariaDB's. A
plugin that would give the password away is followed only where nobody else can read it.
"""

from collections.abc import Callable, Generator, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from protocols.api import Command, Compute, Nonce
from protocols.mysql import ed25519, passwords
from protocols.mysql.dialogue import Dialogue
from protocols.mysql.messages import OK, HandshakeResponse
from protocols.mysql.upstream import Upstream

NATIVE = "mysql_native_password"
_LONG_SCRAMBLE = 32  # MariaDB's own plugins'
_MOST_PLUGINS = 8  # an account of MariaDB may have several, each tried in turn
_FAST_PATH, _FULL_PATH = b"\x03", b"\x04"
_SHA256_KEY_PLEASE, _CACHING_SHA2_KEY_PLEASE = b"\x01", b"\x02"


def authenticate(
    upstream: Upstream, response: HandshakeResponse, nonce: Nonce
) -> Generator[Command, Any, tuple[str, bytes]]:
    """Send the login packet and whatever is asked for after it, up to upstream's OK.

    Returns the name of the plugin that let us in, and the OK.
    """
    named = upstream.greeting.plugin
    # A server that names one we do not know asks for the account's own in a moment.
    dialogue = Dialogue(upstream, named if named in _PLUGINS else NATIVE, response, nonce)
    for _ in range(_MOST_PLUGINS):
        yield from _plugin(dialogue)
        if not dialogue.verdict and (yield from dialogue.hear()):
            raise upstream.broken(f"asks for more than {dialogue.plugin} has to say")
        if dialogue.verdict[:1] == OK:
            return dialogue.plugin, dialogue.verdict
        dialogue.switch()
    raise upstream.broken("asks for one authentication after another")


def _plugin(dialogue: Dialogue) -> Generator[Command, Any, None]:
    if dialogue.plugin not in _PLUGINS:
        name = dialogue.plugin[:64].encode("ascii", "replace").decode()
        raise dialogue.upstream.insecure(f"asks for {name!r}, which is not supported")
    yield from _PLUGINS[dialogue.plugin](dialogue)


def _native(dialogue: Dialogue) -> Generator[Command, Any, None]:
    yield from dialogue.say(passwords.native(dialogue.password, dialogue.scramble()))


def _caching_sha2(dialogue: Dialogue) -> Generator[Command, Any, None]:
    yield from dialogue.say(passwords.caching_sha2(dialogue.password, dialogue.scramble()))
    path = yield from dialogue.hear()
    if path == _FULL_PATH and dialogue.upstream.hides_what_is_said:
        yield from dialogue.say(dialogue.password + b"\0")
    elif path == _FULL_PATH:
        yield from _encrypted(dialogue, _CACHING_SHA2_KEY_PLEASE)
    elif not dialogue.verdict and path != _FAST_PATH:
        raise dialogue.upstream.broken("says what caching_sha2_password does not know")


def _sha256(dialogue: Dialogue) -> Generator[Command, Any, None]:
    if not dialogue.password:
        yield from dialogue.say(b"\0")
    elif dialogue.upstream.tls is not None:
        yield from dialogue.say(dialogue.password + b"\0")
    else:
        yield from _encrypted(dialogue, _SHA256_KEY_PLEASE)


def _clear(dialogue: Dialogue) -> Generator[Command, Any, None]:
    tls = dialogue.upstream.tls
    if tls is None or not tls.verified:
        raise dialogue.upstream.insecure(
            "asks for the password in clear text over a connection that is not verified TLS; "
            "set SSLMODE to verify-full"
        )
    yield from dialogue.say(dialogue.password + b"\0")


def _ed25519(dialogue: Dialogue) -> Generator[Command, Any, None]:
    password, scramble = dialogue.password, dialogue.scramble(_LONG_SCRAMBLE)
    yield from dialogue.say((yield Compute(lambda: ed25519.sign(password, scramble))))


def _parsec(dialogue: Dialogue) -> Generator[Command, Any, None]:
    password, scramble = dialogue.password, dialogue.scramble(_LONG_SCRAMBLE)
    yield from dialogue.say(b"")
    asked = yield from dialogue.hear()
    with dialogue.upstream.in_order():
        rounds, salt = passwords.parsec_salt(asked)
    ours = (dialogue.nonce() + dialogue.nonce())[:_LONG_SCRAMBLE]
    message = scramble + ours
    proof: bytes = yield Compute(lambda: passwords.parsec(password, rounds, salt, message))
    yield from dialogue.say(ours + proof)


def _encrypted(dialogue: Dialogue, key_please: bytes) -> Generator[Command, Any, None]:
    """The password, for nobody but the owner of the server's RSA key."""
    key = yield from _key(dialogue, key_please)
    try:
        answer = passwords.encrypted(dialogue.password, dialogue.scramble(), key)
    except ValueError as fault:
        raise dialogue.upstream.insecure(f"cannot be sent the password: {fault}") from None
    yield from dialogue.say(answer)


def _key(dialogue: Dialogue, key_please: bytes) -> Generator[Command, Any, RSAPublicKey]:
    """The key that the role knows, or else, if the role trusts it, the one that the server sends.
    Who is between us and the server can send its own; at a Unix socket nobody is."""
    upstream = dialogue.upstream
    pem = upstream.login.public_key
    trusts = upstream.login.options.allow_public_key_retrieval or upstream.hides_what_is_said
    if pem is None and not trusts:
        raise upstream.insecure(
            "asks for the password without TLS; set SSLMODE to verify-full, or SERVER_PUBLIC_KEY "
            "to the server's RSA key"
        )
    if pem is None:
        yield from dialogue.say(key_please)
        pem = (yield from dialogue.hear()).decode("ascii", "replace")
    with upstream.in_order():
        return passwords.public_key(pem)


_PLUGINS: Mapping[str, Callable[[Dialogue], Generator[Command, Any, None]]] = {
    NATIVE: _native,
    "caching_sha2_password": _caching_sha2,
    "sha256_password": _sha256,
    "mysql_clear_password": _clear,
    "client_ed25519": _ed25519,
    "parsec": _parsec,
}
