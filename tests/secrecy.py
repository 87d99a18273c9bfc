"""The suite's secrecy guard: one random value that every test uses as its secret, and a search for
it wherever a secret may not be.

Searched are the files below `artefacts`, the arguments and environments of every process the run
starts (tests/processes.py), and the report, output, log and warnings of every test. What is found
fails the run; it is told as place and encoding, never as the value. Nothing in here may write, log
or pass on `CANARY`.
"""

import base64
import json
import re
import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from tests.processes import ProcessWatch

# Random in each run, and never in an environment or argument list: it exists in this process alone.
_CORE = secrets.token_hex(12)
CANARY = f"c4nary/{_CORE}+%"
_CHUNK = 1 << 20


def canary(suffix: str) -> str:
    """Another secret that the guard knows just as well, such as the password after a rotation."""
    return CANARY + suffix


def encodings(secret: str) -> dict[str, frozenset[bytes]]:
    """Every form of `secret` to look for, by name; each is found within a longer encoded text."""
    raw = secret.encode()
    quoted = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    quoted |= {re.sub("%..", lambda escape: escape[0].lower(), form) for form in quoted}
    escaped = json.dumps(secret)[1:-1]
    return {
        "plain": frozenset({raw}),
        "base64": frozenset(_base64_forms(raw)),
        "hex": frozenset({raw.hex().encode(), raw.hex().upper().encode()}),
        "url": frozenset(form.encode() for form in quoted) - {raw},
        "json": frozenset({escaped.encode(), escaped.replace("/", r"\/").encode()}) - {raw},
        "utf-16": frozenset({secret.encode("utf-16-le"), secret.encode("utf-16-be")}),
    }


def _base64_forms(raw: bytes) -> Iterator[bytes]:
    """What base64 makes of `raw` after 0, 1 or 2 bytes, without the ends its neighbours change."""
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + raw)
        inner = encoded[(0, 2, 3)[offset] : (offset + len(raw)) * 8 // 6]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))


# Half of the random middle tells of the value in escapes nobody thought of, or cut short.
_SOUGHT: Mapping[str, Iterable[bytes]] = encodings(CANARY) | {
    "part": frozenset({_CORE[:12].encode(), _CORE[12:].encode()})
}
_LONGEST = max(len(form) for forms in _SOUGHT.values() for form in forms)


def find(data: bytes) -> list[str]:
    """The encodings in which `data` holds the canary or a part of it."""
    return [name for name, forms in _SOUGHT.items() if any(form in data for form in forms)]


def find_in_file(path: Path) -> list[str]:
    found: set[str] = set()
    with path.open("rb") as file:
        tail = b""
        while chunk := file.read(_CHUNK):
            found.update(find(tail + chunk))
            tail = (tail + chunk)[-_LONGEST:]
    return sorted(found)


class Guard:
    """The pytest plugin: listens to reports, and searches and judges when all is over."""

    def __init__(self, config: pytest.Config) -> None:
        self._full = config.args_source is pytest.Config.ArgsSource.TESTPATHS
        self._full = self._full and not config.option.collectonly
        self.directories: list[Path] = []
        self._files = self._bytes = 0
        self._leaks: dict[str, set[str]] = defaultdict(set)
        self._processes = ProcessWatch(self.examine)

    def examine(self, where: str, data: bytes | str) -> None:
        raw = data.encode(errors="replace") if isinstance(data, str) else data
        self._note(where, find(raw))

    def _note(self, where: str, found: Iterable[str]) -> None:
        if found:
            place = "a place whose name holds it" if find(where.encode(errors="replace")) else where
            self._leaks[place].update(found)

    # -- what pytest tells us ----------------------------------------------------------------

    def pytest_sessionstart(self) -> None:
        self._processes.start()

    def pytest_deselected(self) -> None:
        self._full = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._examine_report(report, f"{report.nodeid} ({report.when})")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._examine_report(report, f"{report.nodeid} (collection)")

    def _examine_report(self, report: pytest.TestReport | pytest.CollectReport, where: str) -> None:
        self.examine(where, report.nodeid)
        self.examine(f"{where}, its report", report.longreprtext)
        for name, text in report.sections:
            self.examine(f"{report.nodeid}, {name}", text)  # told again by later phases

    def pytest_warning_recorded(self, warning_message: object, nodeid: str) -> None:
        self.examine(f"{nodeid or 'the run'}, a warning", str(warning_message))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._processes.stop()
        for directory in self.directories:
            self._search(directory)
        if (self._leaks or self._blind()) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _search(self, directory: Path) -> None:
        for path in sorted(directory.rglob("*")):
            name = str(path.relative_to(directory))
            self.examine(name, name)
            if path.is_file():
                self._files += 1
                self._bytes += path.stat().st_size
                self._note(f"the file {name}", find_in_file(path))

    def _blind(self) -> bool:
        """Whether the whole suite ran and nothing was seen: then the guard itself is at fault."""
        return self._full and (not self._files or self._processes.blind)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        say = terminalreporter.write_line
        terminalreporter.section("secrecy", red=bool(self._leaks), green=not self._leaks)
        for where, found in sorted(self._leaks.items()):
            say(f"LEAK in {where}: {', '.join(sorted(found))}", red=True)
        if self._blind():
            say("The whole suite ran, and no file or no process of it was searched.", red=True)
        say(
            f"searched {self._files} files ({self._bytes} bytes),"
            f" {self._processes.sampled} running processes and {self._processes.started} starts:"
            f" {len(self._leaks) or 'no'} leaks"
        )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Guard(config), "secrecy")


@pytest.fixture(scope="session")
def artefacts(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where every log, audit file and recorded conversation of a run goes, to be searched."""
    guard = pytestconfig.pluginmanager.get_plugin("secrecy")
    assert isinstance(guard, Guard)
    directory = tmp_path_factory.mktemp("artefacts")
    guard.directories.append(directory)
    return directory
