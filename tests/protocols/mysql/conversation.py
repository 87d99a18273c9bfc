"""What client and server say after login, as bytes, and a tap that watches them say it."""

import struct
import sys
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from protocols.api import Event, Flow
from protocols.mysql.capabilities import Agreed, Capability
from protocols.mysql.compressed_gate import gate
from protocols.mysql.events import MysqlCommand, MysqlPrepare, MysqlQuery
from protocols.mysql.login import MysqlLogin, MysqlOptions
from protocols.mysql.tap import MysqlTap
from tests.protocols.mysql.server import error, ok, packet, role

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

COMPRESS: Mapping[str, Callable[[bytes], bytes]] = {"zlib": zlib.compress, "zstd": zstd.compress}
PLAIN = Capability.PROTOCOL_41 | Capability.PLUGIN_AUTH
MODERN = PLAIN | Capability.DEPRECATE_EOF
UTF8 = 45
MORE, CURSOR, LAST_ROW, NO_ESCAPES = 0x0008, 0x0040, 0x0080, 0x0200
QUIT, PING = b"\x01", b"\x0e"
EXECUTE_LAST = 0xFFFF_FFFF
SCRAMBLE = b"scrambled by a nonce"


def zstd_of_window(bits: int, data: bytes) -> bytes:
    """Compressed so that who inflates it must have room for 2**bits bytes."""
    options = {int(zstd.CompressionParameter.window_log): bits}
    compressor = zstd.ZstdCompressor(options=options)
    return compressor.compress(data) + compressor.flush()


def agreed(capabilities: Capability = PLAIN, *, charset: int = UTF8) -> Agreed:
    return Agreed(
        capabilities=capabilities,
        server_version="9.7.4",
        mariadb=False,
        charset=charset,
        thread_id=7,
        scramble=SCRAMBLE,
    )


def flow(capabilities: Capability = PLAIN, *, charset: int = UTF8) -> Flow:
    return Flow(b"", b"", None, {}, agreed=agreed(capabilities, charset=charset))


def numbered(first: int, *payloads: bytes) -> bytes:
    """Packets whose numbers begin again behind 255."""
    return b"".join(packet((first + i) & 0xFF, payload) for i, payload in enumerate(payloads))


# -- what a client says ---------------------------------------------------------------------------


def command(payload: bytes) -> bytes:
    return packet(0, payload)


def query(sql: str | bytes) -> bytes:
    return command(b"\x03" + (sql.encode() if isinstance(sql, str) else sql))


def prepare(sql: str) -> bytes:
    return command(b"\x16" + sql.encode())


def execute(number: int, parameters: bytes = b"", *, flags: int = 0) -> bytes:
    return command(b"\x17" + struct.pack("<IBI", number, flags, 1) + parameters)


def long_data(number: int, parameter: int, data: bytes) -> bytes:
    return command(b"\x18" + struct.pack("<IH", number, parameter) + data)


def close_statement(number: int) -> bytes:
    return command(b"\x19" + struct.pack("<I", number))


def fetch(number: int, rows: int) -> bytes:
    return command(b"\x1c" + struct.pack("<II", number, rows))


def change_user(
    user: str = "bob",
    database: str = "",
    *,
    answer: bytes = b"",
    charset: int = UTF8,
    plugin: str = "mysql_native_password",
) -> bytes:
    said = b"\x11" + user.encode() + b"\0" + bytes((len(answer),)) + answer
    said += database.encode() + b"\0" + struct.pack("<H", charset)
    return command(said + plugin.encode() + b"\0" if plugin else said)


def set_charset(number: int = UTF8) -> bytes:
    """What upstream is told of a client's character set."""
    names = ("character_set_client", "character_set_results", "collation_connection")
    return query("SET " + ", ".join(f"{name} = {number}" for name in names))


def init_db(name: str) -> bytes:
    return command(b"\x02" + name.encode())


# -- what a server says ---------------------------------------------------------------------------


def done(affected: int = 0, *, status: int = 2, warnings: int = 0) -> bytes:
    """An OK's payload."""
    return b"\0" + bytes((affected, 0)) + struct.pack("<HH", status, warnings)


def end(modern: bool, *, status: int = 2, warnings: int = 0) -> bytes:
    """What ends rows: an EOF's payload, or an OK's that begins like one."""
    if modern:
        return b"\xfe\0\0" + struct.pack("<HH", status, warnings)
    return b"\xfe" + struct.pack("<HH", warnings, status)


def column(name: bytes = b"a") -> bytes:
    return b"\3def" + bytes(5) + bytes((len(name),)) + name + b"\0\x0c" + bytes(12)


def row(*values: bytes) -> bytes:
    assert all(len(value) < 251 for value in values)
    return b"".join(bytes((len(value),)) + value for value in values)


def result(
    rows: Sequence[bytes],
    *,
    modern: bool = False,
    columns: int = 1,
    first: int = 1,
    status: int = 2,
) -> bytes:
    """A result of text rows, each as its payload."""
    eof = () if modern else (end(False, status=status),)
    ended = end(modern, status=status)
    definitions = (column(),) * columns
    return numbered(first, bytes((columns,)), *definitions, *eof, *rows, ended)


def answer(*payloads: bytes) -> bytes:
    """Packets that begin an answer."""
    return numbered(1, *payloads)


def failed(code: int = 1064, sqlstate: str = "42000") -> bytes:
    return error(code, "no", sqlstate)


def prepared(number: int, parameters: int = 0, columns: int = 0, *, modern: bool = False) -> bytes:
    told = [b"\0" + struct.pack("<IHHBH", number, columns, parameters, 0, 0)]
    for count in (parameters, columns):
        told += [column()] * count
        if count and not modern:
            told.append(end(False))
    return answer(*told)


OK = answer(ok())


@dataclass
class Watched:
    """A tap, what it told, and its clock. It is shown chunks of `cut` bytes."""

    cut: int = 1 << 30
    capabilities: Capability = PLAIN
    charset: int = UTF8
    options: MysqlOptions = field(default_factory=MysqlOptions)
    database: str | None = "app_db"
    now: float = 0.0
    events: list[MysqlQuery] = field(default_factory=list)
    prepared: list[MysqlPrepare] = field(default_factory=list)
    commands: list[MysqlCommand] = field(default_factory=list)

    def __post_init__(self) -> None:
        login = self._login()
        there = flow(self.capabilities, charset=self.charset)
        self.tap = MysqlTap(self._emit, lambda: self.now, login, there)

    def _login(self) -> MysqlLogin:
        return role(options=self.options, database=self.database).without_credentials()

    @property
    def modern(self) -> bool:
        return Capability.DEPRECATE_EOF in self.capabilities

    def client(self, data: bytes) -> None:
        for chunk in chunks(data, self.cut):
            self.tap.client_sent(chunk)

    def upstream(self, data: bytes) -> None:
        for chunk in chunks(data, self.cut):
            self.tap.upstream_sent(chunk)

    @property
    def told(self) -> list[MysqlQuery]:
        """The events without how long they took."""
        return [replace(event, duration_ms=0.0) for event in self.events]

    def _emit(self, event: Event) -> None:
        if isinstance(event, MysqlPrepare):
            self.prepared.append(event)
        elif isinstance(event, MysqlCommand):
            self.commands.append(event)
        else:
            assert isinstance(event, MysqlQuery)
            self.events.append(event)


@dataclass
class Gated(Watched):
    """A tap with its gate: what a side sends goes in, and what the other one gets comes out."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.gate = gate(self._login(), flow(self.capabilities, charset=self.charset), self.tap)

    def to_upstream(self, data: bytes) -> bytes:
        passed = bytearray()
        for chunk in chunks(data, self.cut):
            self.tap.client_sent(chunk)
            passed += self.gate.client_sent(chunk)
        return bytes(passed)

    def to_client(self, data: bytes) -> bytes:
        passed = bytearray()
        for chunk in chunks(data, self.cut):
            said = bytes(self.gate.upstream_sent(chunk))
            self.tap.upstream_sent(memoryview(said))
            passed += said
        return bytes(passed)


def chunks(data: bytes, cut: int) -> Iterable[memoryview]:
    """Each in memory of its own that is overwritten after it was shown."""
    for start in range(0, len(data), cut):
        piece = bytearray(data[start : start + cut])
        yield memoryview(piece)
        piece[:] = b"\xff" * len(piece)


def ran(statement: str, **more: object) -> MysqlQuery:
    """The event of a COM_QUERY that is finished and had no error, unless `more` differs."""
    event = MysqlQuery(
        statement=statement,
        statement_bytes=len(statement.encode()),
        statement_sha256=None,
        protocol="text",
        command="COM_QUERY",
        parameters=None,
        rows=0,
        affected_rows=0,
        warnings=0,
        loaded_bytes=0,
        duration_ms=0.0,
        error_code=None,
        sqlstate=None,
        finished=True,
    )
    return replace(event, **more)  # type: ignore[arg-type]


def executed(statement: str, **more: object) -> MysqlQuery:
    """The same of a COM_STMT_EXECUTE."""
    return ran(statement, **{"protocol": "prepared", "command": "COM_STMT_EXECUTE"} | more)
