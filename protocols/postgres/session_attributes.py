"""What a host is once it has let us in, and whether the role wants it: libpq's rules for
TARGET_SESSION_ATTRS.

Servers since PostgreSQL 14 say it by themselves; older ones, and poolers, are asked.
"""

from collections.abc import Generator
from typing import Any

from protocols.api import Command
from protocols.errors import Reason, Refusal
from protocols.postgres.demands import TargetSession
from protocols.postgres.greetings import Greetings, reported
from protocols.postgres.messages import cstring, message, text
from protocols.postgres.upstream import TERMINATE, Upstream

_ABOUT_WRITING = ("in_hot_standby", "default_transaction_read_only")
_ABOUT_RECOVERY = ("in_hot_standby",)
_ASK_ABOUT_WRITING = "SHOW transaction_read_only"
_ASK_ABOUT_RECOVERY = "SELECT pg_catalog.pg_is_in_recovery()"
_TRUTHS = {"on": True, "off": False, "t": True, "f": False}
# What it must be, what tells, what else to ask, and what is wrong with a host that is not so.
_WANTED = {
    TargetSession.READ_WRITE: (False, _ABOUT_WRITING, _ASK_ABOUT_WRITING, "is read-only"),
    TargetSession.READ_ONLY: (True, _ABOUT_WRITING, _ASK_ABOUT_WRITING, "is not read-only"),
    TargetSession.PRIMARY: (False, _ABOUT_RECOVERY, _ASK_ABOUT_RECOVERY, "is a standby"),
    TargetSession.STANDBY: (True, _ABOUT_RECOVERY, _ASK_ABOUT_RECOVERY, "is no standby"),
}


def check(
    upstream: Upstream, greetings: Greetings, wanted: TargetSession
) -> Generator[Command, Any, Greetings]:
    """Raise a refusal if the host is another than is wanted. Returns the greetings, with what came
    beside an answer that had to be asked for."""
    if wanted not in _WANTED:
        return greetings
    expected, names, question, otherwise = _WANTED[wanted]
    said = [reported(greetings, name) for name in names]
    if None in said:
        try:
            greetings, answer = yield from _ask(upstream, greetings, question)
        except Refusal as refusal:
            why = f"does not say what it is: {refusal.detail or refusal}"
            raise _unfit(upstream, wanted, why) from None
        said = [answer]
    if any(_TRUTHS.get(value or "") for value in said) is not expected:
        yield from upstream.send(TERMINATE)
        raise _unfit(upstream, wanted, otherwise)
    return greetings


def _ask(
    upstream: Upstream, greetings: Greetings, question: str
) -> Generator[Command, Any, tuple[Greetings, str]]:
    yield from upstream.send(message(b"Q", cstring(question)))
    replies = yield from upstream.until_ready(b"TDCNS")
    rows = [text(reply.body[6:]) for reply in replies if reply.kind == b"D"]
    if len(rows) != 1 or rows[0] not in _TRUTHS:
        raise upstream.broken(f"gave no answer to {question}")
    asides = tuple(reply for reply in replies if reply.kind in b"NS")
    return (*greetings[:-1], *asides, replies[-1]), rows[0]


def _unfit(upstream: Upstream, wanted: TargetSession, why: str) -> Refusal:
    return Refusal(
        Reason.UPSTREAM_UNREACHABLE,
        f"{upstream} is not what the role demands (TARGET_SESSION_ATTRS {wanted.value})",
        detail=f"{upstream.login.endpoint}: {why}",
    )
