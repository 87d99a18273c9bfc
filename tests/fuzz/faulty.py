"""Taps and logins as they should be but for one planted fault, which a fuzzer must find out.

What a fuzzer says of a fault goes with it. What only one protocol can get wrong is in its folder.
"""

from collections.abc import Callable, Generator
from types import SimpleNamespace
from typing import Any

from protocols.api import Chunk, Command, Emit, Flow, Login, Receive, Send, Side, Tap
from protocols.errors import Reason, Refusal

TapFault = Callable[["FaultyTap", Chunk], object]
Conversing = Generator[Command, Any, Any]
Converse = Callable[..., Conversing]
"""Is given the login, and whatever else a protocol makes of it."""


class FaultyTap:
    """One that `new_tap` makes, but for what a fault does with every chunk of the client's."""

    def __init__(
        self,
        new_tap: Callable[..., Tap],
        fault: TapFault,
        emit: Emit,
        dice: int,
        **settings: bool,
    ) -> None:
        self._tap = new_tap(emit, dice, **settings)
        self._fault = fault
        self.emit = emit
        self.kept: list[bytes] = []

    def client_sent(self, chunk: Chunk) -> None:
        self._fault(self, chunk)
        self._tap.client_sent(chunk)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tap, name)


def _tells_of_chunks(tap: FaultyTap, chunk: Chunk) -> None:
    tap.emit(SimpleNamespace(name=f"{len(chunk)} bytes"))


def _changes_bytes(_: FaultyTap, chunk: Chunk) -> None:
    chunk[0] ^= 1  # type: ignore[index]  # that is the fault


def _keeps_views(tap: FaultyTap, chunk: Chunk) -> None:
    tap.emit(SimpleNamespace(name=chunk[:1]))


def _refuses_chunks(_: FaultyTap, chunk: Chunk) -> None:
    if len(chunk) == 1:
        raise Refusal(Reason.MALFORMED, "too short")


OF_TAPS: list[tuple[TapFault, str]] = [
    (_tells_of_chunks, "where it is cut"),
    (_keeps_views, "where it is cut"),
    (_refuses_chunks, "where it is cut"),
    (_changes_bytes, "changed what it was shown"),
    (lambda *_: sum(range(3_000_000)), "took"),
    (lambda tap, _: tap.kept.append(bytes(1 << 20)), "keeps"),
    (lambda tap, _: tap.missing, "missing"),
]


def returns_what_it_read(*_: object) -> Conversing:
    """No fault."""
    return (yield Receive(Side.CLIENT)) and Flow(b"", b"", None, {"read": "much"})


def of_logins(
    account: str, error: Callable[[str], bytes], read_on: str
) -> list[tuple[Converse, str]]:
    """`error` makes a client's error packet of a sentence; `read_on` is what is said of who reads
    without end."""

    def says(text: str) -> Converse:
        def converse(login: Login, *_: object) -> Conversing:
            yield Send(Side.CLIENT, error(text.format(login=login)))
            raise Refusal(Reason.LOGIN_REJECTED, "refused")

        return converse

    def says_half(*_: object) -> Conversing:
        yield Send(Side.CLIENT, error("refused")[:-1])

    def depends_on_the_cut(*_: object) -> Conversing:
        read = yield Receive(Side.CLIENT)
        yield Send(Side.CLIENT, error(f"{len(read)} bytes"))

    return [
        (says("{login.password}"), "told the password"),
        (says(f"{account} is refused"), "told the account"),
        (says_half, "said to the client"),
        (_reads_on, read_on),
        (depends_on_the_cut, "by how it is cut"),
        (_fails, "no refusal"),
        (_returns_a_number, "returned 1"),
    ]


def _reads_on(*_: object) -> Conversing:
    while True:
        yield Receive(Side.CLIENT)


def _fails(*_: object) -> Conversing:
    yield Receive(Side.CLIENT)
    raise ValueError("no refusal")


def _returns_a_number(*_: object) -> Conversing:
    yield Receive(Side.CLIENT)
    return 1
