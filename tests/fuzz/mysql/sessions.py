"""The sessions that are recorded of a client made of bytes, which says what no driver would, and of
the servers' own programs where packets are compressed.

A session is a function that talks to a real server by its port. Together they use every command
that a client may give.
"""

import struct
from collections.abc import Callable, Mapping
from functools import partial

from tests.fuzz.mysql.framing import PACKETS
from tests.protocols.mysql.conversation import (
    PING,
    QUIT,
    change_user,
    close_statement,
    command,
    execute,
    fetch,
    init_db,
    long_data,
    prepare,
    query,
)
from tests.protocols.mysql.server import DEPRECATE_EOF, LOCAL_FILES, QUERY_ATTRIBUTES, packet
from tests.protocols.mysql.wire import Wire
from tests.servers.debian import Debian
from tests.servers.mysql import DATABASE
from tests.servers.mysql_programs import run

USER = "fuzz"
_MULTI = 1 << 16 | 1 << 17 | 1 << 18  # statements, results, results of prepared ones
_FLAGS = _MULTI | LOCAL_FILES
_OPTIONAL_METADATA = 1 << 25
_MARIADB = 1 << 0 | 1 << 2 | 1 << 4  # progress, bulk, cached metadata
_INT, _TEXT, _NULL = b"\3\0", b"\xfd\0", b"\6\0"
_ROWS = "SELECT id, owner, balance FROM accounts WHERE id <= 3 ORDER BY id"
_NEW_TABLE = query("CREATE TEMPORARY TABLE t (a int, b text)")
_VALUES: Mapping[int, bytes] = {  # by type
    0x01: b"\x80",
    0x02: b"\xff\x7f",
    0x03: struct.pack("<i", -5),
    0x04: struct.pack("<f", 1.5),
    0x05: struct.pack("<d", 0.1),
    0x08: struct.pack("<q", 1 << 40),
    0x0A: b"\4\xea\x07\x0b\x17",
    0x0B: b"\x0c\1\2\0\0\0\3\4\5\6\0\0\0",
    0x0C: b"\x0b\xea\x07\x0b\x17\1\2\3\4\0\0\0",
    0xF6: b"\5-1.25",
    0xFC: b"\2\0\xff",
    0xFD: b"\5words",
}

Session = Callable[[int], None]


def _say(port: int, capabilities: int, *said: bytes, extension: int = 0) -> None:
    """Say each, and behind it a query of ours whose answer ends it."""
    attributes = b"\0\1" if capabilities & QUERY_ATTRIBUTES else b""
    last = query(attributes + b"SELECT 'last'")
    flags = _FLAGS | capabilities
    with Wire(port, flags, user=USER, database=DATABASE, extension=extension) as wire:
        for data in said:
            wire.send(data + last)
            while (answer := wire.read())[1] != b"\4last":
                _answer(wire, *answer)
            wire.read()
        wire.send(command(QUIT))


def _answer(wire: Wire, number: int, asked: bytes) -> None:
    """What a server asks of us in the middle of a command: our own file."""
    if asked == b"\xfba.csv":
        wire.send(packet(number + 1, b"1\tx\n2\t") + packet(number + 2, b"y\n"))
        wire.send(packet(number + 3, b""))


def text(port: int, capabilities: int) -> None:
    _say(
        port,
        capabilities,
        query(_ROWS) + query("SELECT NULL, ''") + query("SELECT 1 WHERE 1 = 0"),
        query("SELECT 1; SELECT id FROM notes WHERE id < 3; DO 1; SELECT 'end'"),
        _NEW_TABLE + query("INSERT INTO t VALUES (1, 'x'), (2, 'y')"),
        query("UPDATE t SET b = NULL WHERE a = 1; SELECT * FROM t; DELETE FROM t"),
        query("SELECT 1 / 0, 'a' + 1") + query("SHOW WARNINGS"),
        query("SET sql_mode = 'NO_BACKSLASH_ESCAPES'") + query(r"SELECT '\'") + query("SELECT 1"),
    )


def text_errors(port: int, capabilities: int) -> None:
    _say(
        port,
        capabilities,
        query("bogus") + query("") + query("SELECT 1; bogus"),
        query("SELECT 1; SELECT nope; SELECT 2") + query("SIGNAL SQLSTATE '45000'"),
        query("SELECT * FROM missing") + query("KILL 4294967295"),
        query("SELECT 1 UNION SELECT (SELECT 1 UNION SELECT 2)"),
    )


def attributes(port: int) -> None:
    """Of a query: names, types and values in front of its text."""
    named = b"\2\1" + b"\2" + b"\1" + _TEXT + b"\1a" + _TEXT + b"\1b" + b"\3one"
    _say(port, DEPRECATE_EOF | QUERY_ATTRIBUTES, query(b"\0\1SELECT 1"), query(named + b"SELECT 2"))
    _say(
        port,
        DEPRECATE_EOF | QUERY_ATTRIBUTES,
        prepare("SELECT ?"),
        execute(1, b"\2\0\1" + _TEXT + b"\0" + _TEXT + b"\1a" + b"\3one\3two", flags=8),
        execute(1, b"\1\0\1" + _INT + b"\0" + struct.pack("<i", 7)),
    )


def prepared(port: int, capabilities: int) -> None:
    _say(
        port,
        capabilities,
        prepare(f"{_ROWS} LIMIT ?"),
        execute(1, b"\0\1" + _INT + struct.pack("<i", 2)),
        execute(1, b"\0\0" + struct.pack("<i", 3)) + execute(1, b"\1\0"),
        prepare("SELECT nope") + prepare("DO 1") + execute(2),
        prepare("SELECT concat(?, ?)") + long_data(3, 0, b"long ") + long_data(3, 0, b"data"),
        execute(3, b"\0\1" + _TEXT * 2 + b"\4rest"),
        command(b"\x1a" + struct.pack("<I", 3)) + close_statement(3) + execute(3),
        command(b"\x1a" + struct.pack("<I", 99)) + execute(99),
        command(b"\x1f") + execute(1),
    )


def values(port: int) -> None:
    """Parameters of every type that the audit can read."""
    count = len(_VALUES)
    types = b"".join(bytes((kind, 0)) for kind in _VALUES)
    nulls = bytes((count + 7) // 8)
    _say(
        port,
        DEPRECATE_EOF,
        prepare("SELECT " + ", ".join("?" * count)),
        execute(1, nulls + b"\1" + types + b"".join(_VALUES.values())),
        execute(1, nulls + b"\0" + b"".join(_VALUES.values())),
        execute(1, b"\xff" * len(nulls) + b"\1" + _NULL * count),
        execute(1, nulls + b"\1" + b"\3\x80" * count + b"\xff" * 4 * count),
    )


def cursors(port: int, capabilities: int) -> None:
    _say(
        port,
        capabilities,
        prepare("SELECT id FROM accounts WHERE id <= 5"),
        execute(1, flags=1),
        fetch(1, 2) + fetch(1, 2) + fetch(1, 2) + fetch(1, 2),
        execute(1, flags=1) + fetch(1, 9) + command(b"\x1a" + struct.pack("<I", 1)) + fetch(1, 1),
    )


def files(port: int) -> None:
    load = query("LOAD DATA LOCAL INFILE 'a.csv' INTO TABLE t")
    with Wire(port, _FLAGS, user=USER, database=DATABASE) as wire:
        wire.ask(_NEW_TABLE[PACKETS.header :])
        for ends in (b"1\tx\n2\ty\n", b""):
            wire.send(load)
            number, asked = wire.read()
            assert asked == b"\xfba.csv", asked
            data = packet(number + 1, ends) if ends else b""
            wire.send(data + packet(number + 1 + bool(ends), b""))
            wire.read()
        wire.send(query("LOAD DATA LOCAL INFILE 'a.csv' INTO TABLE missing"))
        wire.read()
        wire.send(command(QUIT))


def changed_users(port: int, plugin: str) -> None:
    with Wire(port, _FLAGS, user=USER, database=DATABASE) as wire:
        for user in (USER, "nobody"):
            wire.send(change_user(user, DATABASE, plugin=plugin))
            while (answer := wire.read())[1][:1] == b"\xfe":
                wire.send(packet(answer[0] + 1, b""))
            if answer[1][:1] == b"\xff":
                return
            wire.ask(b"\x0e")


def commands(port: int) -> None:
    _say(
        port,
        0,
        command(PING) + init_db(DATABASE) + init_db("none") + command(b"\x09") + command(PING),
        command(b"\x04notes\0") + command(b"\x04missing\0%"),
        command(b"\x1b\0\0") + query("SELECT 1; SELECT 2") + command(b"\x1b\1\0"),
        command(b"\x0c" + struct.pack("<I", 1 << 30)) + command(b"\x0a") + command(b"\x0d"),
        command(b"\x05made") + command(b"\x06made") + command(b"\x07\x01") + command(b"\x08"),
    )


def replication(port: int) -> None:
    """Which an account may not have."""
    register = command(b"\x15" + struct.pack("<I", 7) + bytes(15))
    for asked in (
        command(b"\x12" + struct.pack("<IHI", 4, 0, 7) + b"bin.1"),
        command(b"\x1e" + struct.pack("<HI", 0, 7) + bytes(12)),
        register,
        command(b"\x20"),
    ):
        with Wire(port, user=USER) as wire:
            wire.send(asked)
            wire.read()


def metadata_left_out(port: int) -> None:
    choose = query("SET resultset_metadata = NONE")
    asked = (choose, query(_ROWS), prepare("SELECT ?"), execute(1, b"\0\1" + _INT + bytes(4)))
    _say(port, _OPTIONAL_METADATA, *asked)
    _say(port, _OPTIONAL_METADATA | DEPRECATE_EOF, *asked)


def bulk(port: int, capabilities: int) -> None:
    rows = b"".join(b"\0" + struct.pack("<i", n) + b"\0\3abc" for n in range(3)) + b"\1\2"
    head = struct.pack("<IH", 1, 0x80) + _INT + _TEXT
    _say(
        port,
        capabilities,
        _NEW_TABLE,
        prepare("INSERT INTO t VALUES (?, ?)"),
        command(b"\xfa" + head + rows),
        command(b"\xfa" + struct.pack("<IH", 1, 0) + rows),
        command(b"\xfa" + struct.pack("<IH", 9, 0) + rows),
        prepare(_ROWS) + execute(0xFFFF_FFFF) + execute(2) + execute(2),
        extension=_MARIADB,
    )


def compressed(port: int, program: str, debian: Debian, *options: str) -> None:
    long = "x" * 300
    script = (
        f"CREATE TEMPORARY TABLE t (a text); INSERT INTO t VALUES ('{long}'), ('{long}');\n"
        f"SELECT a, a FROM t; SELECT '{long}' WHERE 1 = 0; SELECT nope; SELECT 1;\n"
    )
    run(debian, program, "--force", *options, DATABASE, port=port, user=USER, stdin=script)


def _either(session: Callable[[int, int], None]) -> dict[str, Session]:
    """With EOF packets, and without."""
    name = session.__name__
    return {
        f"{name}_with_eof": lambda port: session(port, 0),
        name: lambda port: session(port, DEPRECATE_EOF),
    }


_BOTH = _either(text) | _either(text_errors) | _either(prepared) | _either(cursors)
MYSQL: Mapping[str, Session] = {
    **_BOTH,
    "attributes": attributes,
    "values": values,
    "files": files,
    "changed_users": partial(changed_users, plugin="caching_sha2_password"),
    "commands": commands,
    "replication": replication,
    "metadata_left_out": metadata_left_out,
}
MARIADB: Mapping[str, Session] = {
    **_BOTH,
    **_either(bulk),
    "files": files,
    "changed_users": partial(changed_users, plugin="mysql_native_password"),
    "commands": commands,
    "replication": replication,
}
