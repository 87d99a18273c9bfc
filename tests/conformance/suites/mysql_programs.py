"""MySQL's own programs: a schema with every type is loaded, dumped, restored, imported and checked,
and the load generator sends many statements at once.

What a program prints is part of its test's id, as a digest, so that another answer through Keyless
is another test.
"""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import ClassVar

from tests.conformance.mysql_target import execute, option_file
from tests.conformance.suite import PASSED, Outcome, Results, Status, Suite
from tests.conformance.target import Target
from tests.servers.debian import ENVIRONMENT, Debian
from tests.servers.mysql_flavours import sid_mysql

_SCHEMA = Path(__file__).with_name("every_type.sql")
DUMP = ("--skip-comments", "--routines", "--triggers", "--events", "--hex-blob")
_SLAP = ("--auto-generate-sql", "--concurrency=8", "--number-of-queries=2000", "--iterations=2")
_ANSWERS = """\
SELECT * FROM numbers; SELECT * FROM times; SELECT id, hex(kanji), latin, wide FROM texts;
SELECT length(large), sha2(large, 256) FROM texts;
SELECT hex(large) = repeat('5C', 9000000), hex(elastic) FROM bytes;
SELECT id, ST_AsText(anything), ST_AsText(all_sorts) FROM places; SELECT * FROM documents;
CALL count_to(3); SELECT twice(21); SELECT * FROM `odd ``name; --`; SELECT * FROM sums;
PREPARE statement FROM 'SELECT ? + ?, ?'; SET @one = 1, @text = 'x';
EXECUTE statement USING @one, @one, @text; DEALLOCATE PREPARE statement;
SHOW CREATE TABLE children; DESCRIBE times; SELECT 1 AS a UNION SELECT 2; DO sleep(0);
"""


class MysqlPrograms(Suite):
    """The programs are those of the latest MySQL."""

    name = "mysql-programs"
    about = "MySQL's own client, dump, import, check and load programs"
    kind = "mysql"
    server = "mysql"
    settings = MappingProxyType({"max-allowed-packet": "64M"})
    dump_options: ClassVar[Sequence[str]] = (*DUMP, "--set-gtid-purged=OFF")

    def prepare(self, cache: Path) -> str:
        self.debian = self.programs()
        return _run(self.debian, self.named(""), "--version").stdout.decode().split()[2]

    def programs(self) -> Debian:
        return sid_mysql()

    def named(self, program: str) -> str:
        """The client itself has no name of its own."""
        return f"mysql{program}"

    def run(self, target: Target, folder: Path) -> Results:
        with ExitStack() as stack:
            options = stack.enter_context(option_file(target))
            scratch = Path(stack.enter_context(TemporaryDirectory(prefix="keyless-")))
            log = stack.enter_context((folder / "programs.log").open("wb"))
            execute(target, "CREATE DATABASE every_type", "CREATE DATABASE again")
            results = {}
            for test, done in self._calls(options, scratch):
                results[test] = PASSED if done.returncode == 0 else _failed(done.stderr)
                log.write(f"==== {test}\n".encode() + done.stderr)
            return results

    def _calls(
        self, options: Path, scratch: Path
    ) -> Iterator[tuple[str, subprocess.CompletedProcess[bytes]]]:
        """Every call under the name of its test, one after the other."""

        def call(
            program: str, *words: str, stdin: bytes = b""
        ) -> subprocess.CompletedProcess[bytes]:
            found = self.named(program)
            return _run(self.debian, found, f"--defaults-file={options}", *words, stdin=stdin)

        yield "load", call("", "every_type", stdin=_SCHEMA.read_bytes())
        for how in ("--batch", "--batch --compress", "--table --quick", "--vertical --unbuffered"):
            done = call("", *how.split(), "--force", "every_type", stdin=_ANSWERS.encode())
            yield f"answers {how} {_digest(done.stdout)}", done
        dump = call("dump", *self.dump_options, "every_type")
        yield f"dump {_digest(dump.stdout)}", dump
        yield "restore", call("", "again", stdin=dump.stdout)
        for how in ("--quick", "--single-transaction --compress", "--extended-insert=OFF --tz-utc"):
            done = call("dump", *self.dump_options, *how.split(), "again")
            yield f"dump again {how} {_digest(done.stdout)}", done
        (scratch / "numbers.txt").write_text("4\t1\n5\t\\N\n")
        columns = ("--local", "--columns=id,tiny", "again", str(scratch / "numbers.txt"))
        yield "import", call("import", *columns)
        for how in ("--check", "--analyze", "--optimize"):
            yield f"check {how}", call("check", how, "again")
        done = call("show", "--count", "again")
        yield f"show {_digest(done.stdout)}", done
        yield "admin", call("admin", "ping", "status", "processlist", "flush-tables")
        for how in ("mixed", "update", "read", "key", "write"):
            load = f"--auto-generate-sql-load-type={how}"
            yield f"slap {how}", call("slap", *_SLAP, load, "--auto-generate-sql-add-autoincrement")
        yield "slap compressed", call("slap", *_SLAP, "--compress")
        yield "slap detached", call("slap", *_SLAP, "--detach=10")


def _run(
    debian: Debian, program: str, *words: str, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        debian.command(program, *words),
        input=stdin,
        capture_output=True,
        timeout=Suite.seconds,
        check=False,
        env=ENVIRONMENT,
    )


def _digest(printed: bytes) -> str:
    return sha256(printed).hexdigest()[:12]


def _failed(told: bytes) -> Outcome:
    return Outcome(Status.FAILED, " ".join(told.decode(errors="replace").split())[-200:])


SUITE = MysqlPrograms()
