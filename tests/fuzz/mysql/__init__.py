"""What of MySQL's protocol is fuzzed, and with which recorded conversations."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from protocols.api import Side
from tests.fuzz.conversation import Conversation, Step, read_all
from tests.fuzz.mysql import (
    flood,
    frames,
    gate,
    logins,
    messages,
    packets,
    parameters,
    prepared,
    statements,
    tap,
    unaudited,
)
from tests.fuzz.mysql.bombs import bombs
from tests.fuzz.mysql.floods import floods
from tests.fuzz.mysql.framing import COMPRESSED, SESSION
from tests.fuzz.mysql.logins import GENERATORS
from tests.fuzz.mysql.scripts import scripts
from tests.fuzz.target import Target
from tests.fuzz.texts import WORDS

_NUMBERS = (b"0000", b"\xff\xff\xff\xff", b"\xfc\xff\xff", b"\xfd\xff\xff\xff", b"\xfb", b"\xfe")
_COMMANDS = tuple(bytes((command,)) for command in (0x03, 0x11, 0x12, 0x16, 0x17, 0x18, 0x1F, 0xFA))
_ENDS = (
    b"\0\0\0\2\0\0\0",
    b"\xfe\0\0\2\0",
    b"\xfe\0\0\x0a\0\0\0",
    b"\xff\x15\x04#28000",
    b"\xff\xff\xff\1\2",
)
_PLUGINS = tuple(
    name + b"\0"
    for name in (
        b"mysql_native_password",
        b"caching_sha2_password",
        b"sha256_password",
        b"client_ed25519",
        b"parsec",
    )
)
_SQL = (
    *(b"PASSWORD", b"IDENTIFIED", b"BY", b"AS", b"'", b"''", b'"', b"`", b"--", b"/*!", b"*/"),
    *(b"\\", b"\n", b"#", b"FOR", b"mysql://u:p@h/", b"LOAD", b"LOCAL", b"o'brien.csv", b"_gbk"),
)


def targets(corpus: Path) -> Sequence[Target]:
    sessions, recorded = read_all(corpus / "sessions"), read_all(corpus / "logins")
    compressed = read_all(corpus / "compressed")
    texts = [Conversation((Step(Side.CLIENT, text),)) for text in statements.SEEDS]
    session = partial(
        Target,
        framing=SESSION,
        seeds=[*sessions, *floods()],
        tokens=(*_NUMBERS, *_COMMANDS, *_ENDS),
    )
    framed = partial(Target, framing=COMPRESSED, seeds=[*compressed, *bombs()])
    text = partial(Target, framing=WORDS, seeds=texts, tokens=_SQL)
    login = partial(
        Target, framing=SESSION, seeds=[*recorded, *scripts().values()], tokens=_PLUGINS
    )
    key = public_key(recorded)
    return [
        *(login(name=n, check=partial(logins.check, m, key)) for n, m in GENERATORS.items()),
        session(name="tap", check=tap.check, share=4),
        session(name="audited", check=tap.check_audited, share=4),
        session(name="joined", check=tap.check_joined, share=2),
        session(name="compressed", check=tap.check_compressed, share=2),
        framed(name="raw", check=tap.check_frames, memory=64 << 20),
        session(name="unaudited", check=unaudited.check, share=2),
        session(name="flood", check=flood.check, memory=None, share=8),
        session(name="gate", check=gate.check, share=4),
        session(name="gate_joined", check=gate.check_joined, share=2),
        session(name="gate_framed", check=gate.check_compressed, share=2),
        framed(name="gate_raw", check=gate.check_frames, memory=64 << 20),
        session(name="packets", check=packets.check, share=4),
        framed(name="frames", check=frames.check, memory=64 << 20, share=2),
        session(name="messages", check=messages.check, share=6),
        session(name="parameters", check=parameters.check, memory=4 << 20, share=2),
        session(
            name="prepared",
            check=prepared.check,
            seeds=[*prepared.seeds(), *sessions],
            memory=64 << 20,
            share=4,
        ),
        text(name="redaction", check=statements.check_redaction),
        text(name="files", check=statements.check_files),
    ]


def public_key(recorded: Sequence[Conversation]) -> str:
    """The one that a recorded server has sent, as PEM."""
    begin, end = b"-----BEGIN", b"KEY-----\n"
    said = next(text for one in recorded if begin in (text := one.said(Side.UPSTREAM)))
    return said[said.index(begin) : said.rindex(end) + len(end)].decode()
