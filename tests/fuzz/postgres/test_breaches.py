"""What reads a message or a login and breaks a promise is found out."""

from collections.abc import Callable

import pytest

from protocols.api import Side
from protocols.postgres.names import Names
from protocols.postgres.statements import Statement
from tests.fuzz import faulty
from tests.fuzz.conversation import Conversation, Step
from tests.fuzz.faulty import Converse
from tests.fuzz.postgres import logins, messages, names, statements
from tests.fuzz.target import Breach
from tests.protocols.postgres.queries import READY, SYNC, complete, extended, parse, query
from tests.protocols.postgres.server import ACCOUNT, error

_SAID = Conversation(
    (
        Step(Side.CLIENT, query("SELECT 1")),
        Step(Side.UPSTREAM, complete("SELECT 1") + READY),
        Step(Side.CLIENT, extended("SELECT 2") + SYNC),
    )
)


def test_of_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    messages.check(_SAID)
    lossy = {"Lossy": lambda body: (body, body.rstrip(b"\0"))}
    monkeypatch.setattr(messages, "_DECODERS", lossy)
    with pytest.raises(Breach, match=r"Lossy .* becomes"):
        messages.check(_SAID)


class _Forgets(Names):
    def drop(self, name: bytes) -> None:
        self._statements.pop(name, None)


class _Mistakes(Names):
    def get(self, name: bytes) -> Statement:
        return Statement(b"another")


class _Unbounded(Names):
    def put(self, name: bytes, statement: Statement) -> None:
        self._statements[name] = statement


@pytest.mark.parametrize(
    ("kind", "dice", "told"),
    [
        (_Forgets, 8, "there is no room though every name is gone"),
        (_Mistakes, 0, "has become"),
        (_Unbounded, 8, "keeps"),
    ],
)
def test_of_the_names(
    monkeypatch: pytest.MonkeyPatch, kind: type[Names], dice: int, told: str
) -> None:
    said = Conversation((Step(Side.CLIENT, parse("x" * 500, b"s") * 2 + parse("y", b"t")),), dice)
    names.check(said)
    monkeypatch.setattr(names, "Names", kind)
    with pytest.raises(Breach, match=told):
        names.check(said)


@pytest.mark.parametrize(
    ("fault", "text", "told"),
    [
        (lambda text: text, "SELECT 1", "tells a password"),
        (lambda text: "", "SELECT 1", "changed"),
        (lambda text: text * 0 if sum(range(40_000_000)) else text, "password", "took"),
    ],
)
def test_of_the_redaction(
    monkeypatch: pytest.MonkeyPatch, fault: Callable[[str], str], text: str, told: str
) -> None:
    said = Conversation((Step(Side.CLIENT, text.encode()),))
    statements.check_redaction(said)
    monkeypatch.setattr(statements, "redact", fault)
    with pytest.raises(Breach, match=told):
        statements.check_redaction(said)


@pytest.mark.parametrize(
    ("make", "told"),
    faulty.of_logins(
        ACCOUNT, lambda said: error("28000", said), "read 100000 bytes from the client"
    ),
)
def test_of_a_login(make: Converse, told: str) -> None:
    said = Conversation((Step(Side.CLIENT, bytes(100_000)), Step(Side.UPSTREAM, b"N")))
    logins.check(faulty.returns_what_it_read, b"", said)
    with pytest.raises((Breach, ValueError), match=told):
        logins.check(make, b"", said)
