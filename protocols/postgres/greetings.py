"""What a server says of itself before it is ready for the first query."""

from protocols.postgres.inbox import Message
from protocols.postgres.messages import text

Greetings = tuple[Message, ...]


def reported(greetings: Greetings, name: str) -> str | None:
    """What the last ParameterStatus of this name says; None where there is none."""
    found = None
    for message in greetings:
        if message.kind == b"S":
            said, _, value = message.body.partition(b"\0")
            found = text(value.rstrip(b"\0")) if text(said) == name else found
    return found
