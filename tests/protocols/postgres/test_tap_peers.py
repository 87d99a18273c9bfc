"""What other proxies' audits and pipelines got wrong, one test a bug."""

import struct

from tests.protocols.postgres.queries import (
    ASYNCHRONOUS,
    BOUND,
    CLOSED,
    COLUMNS,
    FLUSH,
    NO_DATA,
    PARSED,
    READY,
    SUSPENDED,
    SYNC,
    Watched,
    bind,
    bind_to,
    close,
    complete,
    describe,
    done,
    execute,
    extended,
    failed,
    message,
    parse,
    query,
    ran,
    row,
    values,
)

_DESCRIBED = message(b"t", b"\0\0")


def _texts(watched: Watched) -> list[str]:
    return [event.statement for event in watched.events]


def test_simple_queries_are_audited(cut: int) -> None:
    """kviklet#533: a Query, one of several statements, and one that begins a COPY ran unseen."""
    watched = Watched(cut)
    watched.client(query("DROP TABLE a") + query("DELETE FROM b; DELETE FROM c"))
    watched.upstream(complete("DROP TABLE") + READY)
    watched.upstream(complete("DELETE 1") + complete("DELETE 2") + READY)
    assert watched.told == [
        ran("DROP TABLE a", "DROP TABLE", protocol="simple"),
        ran("DELETE FROM b; DELETE FROM c", "DELETE 1", "DELETE 2", rows=3, protocol="simple"),
    ]


def test_a_portal_and_its_statement_are_not_taken_for_each_other(cut: int) -> None:
    """kviklet#534: Bind's names the wrong way round; a portal told again for every page of it."""
    watched = Watched(cut)
    watched.client(parse("SELECT 1", b"S_1") + parse("DROP TABLE t", b"S_2"))
    watched.client(bind(b"S_1", b"S_2") + execute(b"S_1", 2) * 2 + SYNC)
    watched.upstream(PARSED * 2 + BOUND + row(b"1") * 2 + SUSPENDED + complete("X 1") + READY)
    assert watched.told == [ran("DROP TABLE t", "X 1", rows=3)]


def test_parameters_are_read_by_their_formats(cut: int) -> None:
    """kviklet#534: NULL and text ended the session, and `$10` was read as `$1` and a zero."""
    watched = Watched(cut, parameters=True)
    sql = "SELECT " + ", ".join(f"${n}" for n in range(1, 12))
    texts = [b"it's $1", None, *[b"%d" % n for n in range(3, 12)]]
    watched.client(parse(sql) + bind_to(*texts, formats=(0,)) + execute() + SYNC)
    watched.upstream(done("SELECT 1") + READY)
    assert watched.events[0].parameters == tuple(t and t.decode() for t in texts)


def test_messages_are_read_however_they_are_split() -> None:
    """kviklet#535: a message in two reads, two in one, and one that is longer than a read."""
    long = "SELECT '" + "x" * 20_000 + "'"
    said = query(long) + query("SELECT 2") + extended("SELECT 3") + SYNC
    for cut in (1, 8_192, len(query(long)) + 3):
        watched = Watched(cut)
        watched.client(said)
        watched.upstream((complete("SELECT 1") + READY) * 2 + done("SELECT 1") + READY)
        assert _texts(watched) == [long, "SELECT 2", "SELECT 3"]


def test_function_calls_are_audited(cut: int) -> None:
    """kviklet#535: they ran a function without any statement, and without a trace."""
    watched = Watched(cut, parameters=True)
    watched.client(message(b"F", struct.pack(">I", 1_598) + values((), b"x") + bytes(2)))
    watched.upstream(message(b"V", bytes(4)) + READY)
    assert _texts(watched) == ["function 1598"]
    assert watched.events[0].parameters == ("x",)


def test_prepared_statements_are_audited(cut: int) -> None:
    """teleport#6051: DataGrip's named statements and portals were not told of at all."""
    watched = Watched(cut)
    watched.client(parse("select * from test", b"S_3") + bind(b"C_4", b"S_3"))
    watched.client(describe(b"P", b"C_4") + execute(b"C_4", 100) + close(b"P", b"C_4") + SYNC)
    watched.upstream(PARSED + BOUND + COLUMNS + row(b"1") + complete("SELECT 1") + CLOSED + READY)
    assert watched.told == [ran("select * from test", "SELECT 1", rows=1)]
    assert [event.statement_name for event in watched.prepared] == ["S_3"]


def test_many_descriptions_in_one_pipeline_are_each_of_their_own(cut: int) -> None:
    """pgdog#1356: answers to Describe were counted to the statement that came next."""
    watched = Watched(cut)
    for n in range(3):
        name = b"s%d" % n
        watched.client(parse(f"SELECT {n}", name) + describe(b"S", name) + bind(name, name))
        watched.client(describe(b"P", name) + execute(name) + FLUSH)
    watched.client(SYNC)
    for n in range(3):
        rows = COLUMNS if n else NO_DATA
        watched.upstream(PARSED + _DESCRIBED + rows + BOUND + ASYNCHRONOUS + rows)
        watched.upstream(complete(f"SELECT {n}"))
    watched.upstream(READY)
    assert watched.told == [ran(f"SELECT {n}", f"SELECT {n}", rows=n) for n in range(3)]
    assert not watched.tap.busy


def test_behind_an_error_nothing_runs_before_sync(cut: int) -> None:
    """duckgres#718: what was skipped was told as run, and every answer after it went to another."""
    watched = Watched(cut)
    watched.client(extended("INSERT 1") + extended("bad") + extended("INSERT 2") + SYNC)
    watched.client(extended("INSERT 3") + SYNC + query("SELECT 4"))
    watched.upstream(done("INSERT 0 1") + PARSED + BOUND + failed("23505") + READY)
    watched.upstream(done("INSERT 0 3") + READY + complete("SELECT 4") + READY)
    assert watched.told == [
        ran("INSERT 1", "INSERT 0 1", rows=1),
        ran("bad", sqlstate="23505"),
        ran("INSERT 3", "INSERT 0 3", rows=3),
        ran("SELECT 4", "SELECT 4", rows=4, protocol="simple"),
    ]


def test_a_batch_is_one_transaction_that_ends_at_its_sync(cut: int) -> None:
    """proxysql#5119: it took every statement for committed that was not the last."""
    watched = Watched(cut)
    watched.client(extended("INSERT 1") + extended("INSERT 2") + SYNC)
    watched.upstream(done("INSERT 0 1") + done("INSERT 0 1") + failed("23503") + READY)
    assert [(e.statement, e.transaction, e.sqlstate) for e in watched.events] == [
        ("INSERT 1", None, None),
        ("INSERT 2", "idle", "23503"),
    ]


def test_the_answer_to_a_sync_ends_no_later_statement(cut: int) -> None:
    """proxysql#6021: the rows of each statement were told of the one behind it."""
    watched = Watched(cut)
    watched.client(extended("SELECT 1") + SYNC + query("SELECT 2") + extended("SELECT 3") + SYNC)
    watched.upstream(done("SELECT 1") + READY + complete("SELECT 2") + READY)
    watched.upstream(done("SELECT 3") + READY)
    assert [(event.statement, event.rows) for event in watched.events] == [
        ("SELECT 1", 1),
        ("SELECT 2", 2),
        ("SELECT 3", 3),
    ]
