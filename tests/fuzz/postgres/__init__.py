"""What of PostgreSQL's protocol is fuzzed, and with which recorded conversations."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from protocols.api import Side
from tests.fuzz.conversation import Conversation, Step, read_all
from tests.fuzz.postgres import (
    certificates,
    flood,
    frames,
    gate,
    logins,
    messages,
    names,
    parameters,
    statements,
    tap,
    unaudited,
)
from tests.fuzz.postgres.certificates import CERTIFICATE
from tests.fuzz.postgres.framing import LOGIN, SESSION
from tests.fuzz.postgres.logins import GENERATORS
from tests.fuzz.postgres.scripts import scripts
from tests.fuzz.target import Target
from tests.fuzz.texts import WORDS

_NAMES = (b"s00000", b"p00000", b"S", b"P", b"c\0", b"\0\0", b"user\0", b"_pq_.", b"database\0")
_SCRAM = (b"r=", b"s=", b"i=", b"v=", b"e=", b"m=", b",", b"=", b"SCRAM-SHA-256", b"n,,", b"100000")
_SQL = (
    *(b"PASSWORD", b"password=", b"'", b"''", b"$$", b"$a$", b"--", b"/*", b"*/", b"\\", b"\n"),
    *(b"ALTER ROLE", b"COPY", b"FROM PROGRAM", b"E'", b"U&'", b"postgres://u:p@h/", b"OPTIONS ("),
)


def targets(corpus: Path) -> Sequence[Target]:
    sessions, recorded = read_all(corpus / "sessions"), read_all(corpus / "logins")
    shown = read_all(corpus / "certificates")
    certificate = shown[0].said(Side.UPSTREAM)
    texts = [Conversation((Step(Side.CLIENT, s.encode()),)) for s in statements.SEEDS]
    session = partial(Target, framing=SESSION, seeds=sessions, tokens=_NAMES)
    text = partial(Target, framing=WORDS, seeds=texts, tokens=_SQL)
    login = partial(
        Target,
        framing=LOGIN,
        seeds=[*recorded, *scripts(certificate).values()],
        tokens=_NAMES + _SCRAM,
    )
    return [
        *(
            login(name=n, check=partial(logins.check, m, certificate))
            for n, m in GENERATORS.items()
        ),
        session(name="tap", check=tap.check, share=4),
        session(name="unaudited", check=unaudited.check, share=2),
        session(name="flood", check=flood.check, memory=None, share=8),
        session(name="frames", check=frames.check, share=4),
        session(name="gate", check=gate.check, share=3),
        session(name="messages", check=messages.check, share=6),
        session(name="parameters", check=parameters.check, share=2),
        session(name="names", check=names.check, memory=64 << 20, share=4),
        Target(name="certificate", check=certificates.check, framing=CERTIFICATE, seeds=shown),
        text(name="redaction", check=statements.check_redaction),
        text(name="refused", check=statements.check_refused),
    ]
