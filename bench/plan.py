"""How much is done of everything: the whole of it in some minutes, or little of it in a few."""

from collections.abc import Sequence
from dataclasses import dataclass, field

MEBI = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`seconds` is how long one peer runs in a round; sizes are MiB."""

    rounds: int = 5
    seconds: int = 2
    modes: Sequence[str] = ("simple", "extended", "prepared")
    clients: Sequence[int] = (1, 8, 32)
    bulk: int = 1024
    bulk_rounds: int = 3
    load: int = 128
    stream: int = 256
    logins: int = 10
    connects: int = 150  # at a fixed rate
    idle: Sequence[int] = (2_000, 10_000)
    rest: int = 5  # seconds in which they do nothing
    among: int = 5_000  # idle sessions, beside which others ask


WHOLE = Plan()
QUICK = Plan(
    rounds=3,
    seconds=1,
    modes=("simple", "prepared"),
    clients=(1, 8),
    bulk=64,
    bulk_rounds=3,
    load=8,
    stream=64,
    logins=3,
    connects=60,
    idle=(1_000,),
    rest=3,
    among=1_000,
)


@dataclass(slots=True)
class Notes:
    """What a work tells besides its findings: the programs' versions, and what it left out."""

    programs: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def leave_out(self, what: str) -> None:
        if what not in self.left_out:
            self.left_out.append(what)
