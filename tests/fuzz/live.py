"""The audit beside a real server's own log, for sessions in which any message may follow any other:
`python -m tests.fuzz.live --help`.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import click

from protocols.api import Event
from protocols.postgres.reports import PostgresQuery
from proxy.demo.postgres import EmbeddedPostgres, bundled
from tests.fuzz.conversation import Conversation, write
from tests.fuzz.postgres.framing import SESSION
from tests.fuzz.postgres.recorded import after_login
from tests.fuzz.postgres.server_log import FILE, SETTINGS, Witness, witness
from tests.fuzz.postgres.spoken import SET_UP, Speaker
from tests.fuzz.postgres.tap import watch
from tests.fuzz.relay import Relay
from tests.fuzz.taps import WHOLE
from tests.protocols.postgres.queries import TERMINATE
from tests.waiting import eventually
from tests.wire import Refused, Wire

_BATCHES = 6
_PAUSE = 0.002
_HBA = ("host all all 127.0.0.1/32 trust",)
_OF_NAMES = ("26000", "34000")


@contextmanager
def talkative_server() -> Iterator[EmbeddedPostgres]:
    """One that writes down all it does."""
    binaries = bundled()[max(bundled())]
    with EmbeddedPostgres(binaries, settings=SETTINGS, hba=_HBA) as server:
        yield server


def converse(server: EmbeddedPostgres, random: Random) -> tuple[Conversation, Witness]:
    """A session as it was said and answered, and what the server has written down of it."""
    with Relay(("127.0.0.1", server.port)) as relay:
        process = _speak(relay.port, random)
    (recorded,) = relay.conversations
    log = server.data / FILE
    eventually(lambda: witness(log.read_text(), process).over)
    return after_login(recorded), witness(log.read_text(), process)


def _speak(port: int, random: Random) -> int:
    """Returns the server's process that was spoken to."""
    speaker = Speaker(random)
    with Wire(("127.0.0.1", port)).log_in("postgres", database="postgres") as client:
        client.send(SET_UP)
        client.until(b"Z")
        with suppress(EOFError):  # a query while it takes copy data ends the session
            for number in range(_BATCHES):
                said = speaker.batch(f"batch {number}")
                cut = random.choice((0, random.randint(0, len(said))))
                client.send(said[:cut])
                time.sleep(_PAUSE if cut else 0)
                client.send(said[cut:])
                _await(client, f"batch {number}".encode())
            client.send(TERMINATE)
        return int.from_bytes(client.key[:4], "big")


def _await(client: Wire, marker: bytes) -> None:
    """Read on up to the ReadyForQuery behind the marker."""
    met = False
    while True:
        with suppress(Refused):
            kind, body = client.receive()
            met = met or marker in body
            if met and kind == b"Z":
                return


def differences(events: Sequence[Event], found: Witness) -> list[str]:
    """What the audit and the server's log do not agree about."""
    told = [event for event in events if isinstance(event, PostgresQuery)]
    errors = Counter(event.sqlstate for event in told if event.sqlstate)
    ran = {
        protocol: Counter(e.statement for e in told if e.protocol == protocol and not e.sqlstate)
        for protocol in ("simple", "extended", "function")
    }
    unlike = {
        "queries": (ran["simple"], found.queries),
        "calls": (ran["function"].total(), found.calls),
        "errors": (_of_statements(errors), _of_statements(found.errors)),
        "too many errors": (errors - found.errors, Counter()),
        "unfinished": (Counter(e.statement for e in told if not e.finished), Counter()),
    }
    wrong = [f"{what}: {one}, not {other}" for what, (one, other) in unlike.items() if one != other]
    for statement in found.runs | ran["extended"]:
        least, most = _runs(statement, found)
        if not least <= (times := ran["extended"][statement]) <= most:
            wrong.append(f"{statement!r} ran {times} times, not {least} to {most}")
    return wrong


def _of_statements(errors: Counter[str]) -> Counter[str]:
    """Without those of names that nothing has: a Describe of one is no statement."""
    return Counter({code: times for code, times in errors.items() if code not in _OF_NAMES})


def _runs(statement: str, found: Witness) -> tuple[int, int]:
    """How often a statement may be told to have run without an error. A portal that goes on is the
    same run, unless it was over; one that fails where it goes on has failed as a whole."""
    begun = found.runs[statement]
    return max(0, begun - found.failed[statement]), begun + found.more_runs[statement]


@click.command()
@click.option("--sessions", default=200, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--found", type=click.Path(path_type=Path), default=".cache/fuzz", show_default=True)
def main(sessions: int, seed: int, found: Path) -> None:
    """Say what the audit and the server's own log do not agree about. Exits with 1 for anything."""
    wrong = ended = 0
    with talkative_server() as server:
        for number in range(sessions):
            conversation, witnessed = converse(server, Random(f"{seed} {number}"))
            if witnessed.killed:  # what was asked ahead of that is nowhere
                ended += 1
            elif told := differences(watch(conversation, WHOLE).events, witnessed):
                wrong += 1
                path = found / f"live-{seed}-{number}.txt"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(write(conversation, SESSION, "target: tap\n" + "\n".join(told)))
                click.echo("\n".join((f"FOUND {path}", *told)))
    click.echo(f"{sessions} sessions, {wrong} with differences, {ended} ended by the server")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
