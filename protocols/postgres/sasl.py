"""SCRAM as PostgreSQL carries it: "SASL Authentication".

The keys that a password becomes are what takes time, so they are remembered once the server has
proven that they are right, and forgotten when it refuses them.
"""

from collections.abc import Generator
from typing import Any

from protocols.api import Command, Compute, Nonce, Recall, Remember
from protocols.errors import LoginRejected
from protocols.postgres import messages
from protocols.postgres.channel_binding import choose
from protocols.postgres.scram import Challenge, Keys, ScramClient, ScramError, derive
from protocols.postgres.upstream import Upstream

_WRONG_PASSWORD = "28P01"  # noqa: S105


def scram(upstream: Upstream, offered: bytes, nonce: Nonce) -> Generator[Command, Any, str]:
    """The whole exchange, up to the server's proof. Returns the method's name."""
    upstream.password("scram-sha-256", "asks for a SASL login")
    binding = choose(upstream, offered.rstrip(b"\0").split(b"\0"))
    client = ScramClient(nonce(), binding, upstream.login.options.max_scram_iterations)
    first = client.first()
    size = len(first).to_bytes(4, "big")
    try:
        yield from upstream.answer(messages.cstring(binding.mechanism) + size + first)
        yield from _prove(upstream, client)
    except ScramError as error:
        raise upstream.broken(f"failed the login: {error}") from None
    except LoginRejected as rejection:
        if rejection.code == _WRONG_PASSWORD:
            yield Remember(_name(upstream), upstream.login.password, None)
        raise
    return binding.mechanism.lower()


def _prove(upstream: Upstream, client: ScramClient) -> Generator[Command, Any, None]:
    """That we know the password; and see that the server knows it too."""
    name, password = _name(upstream), upstream.login.password
    challenge = client.challenge((yield from upstream.expect(messages.SASL_CONTINUE)))
    known: Keys | None = yield Recall(name, password)
    keys = known if known and known.answer(challenge) else (yield from _derive(upstream, challenge))
    yield from upstream.answer(client.final(challenge, keys))
    client.verify((yield from upstream.expect(messages.SASL_FINAL)), keys)
    if keys is not known:
        yield Remember(name, password, keys)


def _derive(upstream: Upstream, challenge: Challenge) -> Generator[Command, Any, Keys]:
    keys: Keys = yield Compute(lambda: derive(upstream.login.password, challenge))
    return keys


def _name(upstream: Upstream) -> tuple[str, ...]:
    return "scram", str(upstream.login.endpoint), upstream.login.user
