"""The tests of mysql2, Node's driver for MySQL, from its repository: its package has none.

Each file is a program. Those against the server are run, plain and compressed; those of the
driver's own parts are not, for they speak to nobody or to a server of their own.
"""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from tests.conformance import programs
from tests.conformance.explained import Explanation
from tests.conformance.mysql_target import execute
from tests.conformance.suite import PASSED, Outcome, Results, Status, Suite
from tests.conformance.target import Target

_VERSION = "v3.23.0"
_REPOSITORY = "https://github.com/sidorares/node-mysql2"
_NPM = "npm", "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"
_NOT_OF_TESTS = ("@", "benchmark", "c8", "prettier", "rollup", "typescript")  # how tools begin
_FOLDERS = "test/integration", "test/global"
_MODES: Mapping[str, str] = MappingProxyType({"": "0", " (compressed)": "1"})
_DATABASE = "test"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_REASON = 200  # characters


class Mysql2(Suite):
    """One after the other, as its own runner does with those that change the server."""

    name = "mysql2"
    about = "the tests of Node's driver, which speaks the protocol itself"
    kind = "mysql"
    server = "mysql"
    seconds = 60  # for each program
    explained = (
        *(
            Explanation(
                f"global/integration/*change-user{more}.test.mts*",
                "It asks who it has become. Through Keyless that is always the role's account.",
            )
            for more in ("", "-plugin-auth")
        ),
        Explanation(
            "integration/connection/test-error-events.test.mts*",
            "It waits for its wrong password to be refused, and Keyless asks for none.",
        ),
        Explanation(
            "integration/connection/test-select-ssl.test.mts*",
            "It asks the server whether there is TLS: between Keyless and the server there is.",
        ),
    )

    def prepare(self, cache: Path) -> str:
        programs.need("npm", "Node.js 20 or newer")
        if not (cache / _VERSION / "installed").exists():
            shutil.rmtree(cache / _VERSION, ignore_errors=True)
        self._sources = programs.repository(_REPOSITORY, _VERSION, cache)
        if not (self._sources / "installed").exists():
            self._install()
            (self._sources / "installed").touch()
        return _VERSION.removeprefix("v")

    def _install(self) -> None:
        """What the driver needs, and its tests."""
        file = self._sources / "package.json"
        manifest = json.loads(file.read_text())
        tools: Mapping[str, str] = manifest.pop("devDependencies")  # else npm installs them all
        file.write_text(json.dumps(manifest))
        (self._sources / "package-lock.json").unlink()
        needed = (name for name in tools if not name.startswith(_NOT_OF_TESTS))
        programs.fetch([*_NPM, *(f"{name}@{tools[name]}" for name in needed)], self._sources)

    def run(self, target: Target, folder: Path) -> Results:
        execute(target, f"CREATE DATABASE {_DATABASE}")
        outcomes: dict[str, Outcome] = {}
        for mode in _MODES:
            outcomes |= self._programs(mode, target, folder)
        return outcomes

    def _programs(self, mode: str, target: Target, folder: Path) -> Iterator[tuple[str, Outcome]]:
        environment = programs.environment(
            {
                "CI": "1",  # else it thinks of no password
                "MYSQL_HOST": target.host,
                "MYSQL_PORT": str(target.port),
                "MYSQL_USER": target.user,
                "MYSQL_PASSWORD": target.password or "",
                "MYSQL_DATABASE": _DATABASE,
                "MYSQL_USE_COMPRESSION": _MODES[mode],
            }
        )
        for program in self._found():
            name = str(program.relative_to(self._sources / "test"))
            log = folder / f"{name.replace('/', '-')}{mode}.log"
            code = programs.run(
                ["node", "--import=tsx", program],
                folder=self._sources,
                environment=environment,
                seconds=self.seconds,
                log=log,
            )
            yield f"{name}{mode}", _outcome(log.read_text(errors="replace"), code)

    def _found(self) -> list[Path]:
        folders = (self._sources / folder for folder in _FOLDERS)
        return sorted(file for folder in folders for file in folder.rglob("*.test.mts"))


def _outcome(told: str, code: int | None) -> Outcome:
    if code == 0:
        return PASSED
    words = " ".join(_COLOURS.sub("", told).split())
    return Outcome(Status.FAILED, f"exit code {code}: {words[:_REASON]}")


SUITE = Mysql2()
