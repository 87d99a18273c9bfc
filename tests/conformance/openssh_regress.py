"""OpenSSH's regression tests: each is a shell script that starts an sshd of its own, and says what
it does, step by step. They are run as they are.

What stands between their client and their sshd is put there by the names that they call: their
`sshd` is a script of ours that starts the real one where Keyless looks for it. And as their `scp`
and `sftp-server`, which many run on this side only, they are given ssh to the other side; so they
are directly, too.
"""

import os
import re
import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.conformance import programs
from tests.conformance.inetd import Inetd
from tests.conformance.suite import PASSED, Outcome, Results, Status
from tests.conformance.target import Target
from tests.conformance.upstreams import INETD

_SSHD, _SCP, _SFTP_SERVER = "/usr/sbin/sshd", "/usr/bin/scp", "/usr/lib/openssh/sftp-server"
_NO_STEP = re.compile(r"ok |failed |-[rwx-]{9} |\s*$")  # and what scp.sh lists
_SKIPPED = "SKIPPED: "
_FAILURE = re.compile(r"^(?:FAIL|FATAL): (.*)", re.M)
_WITHOUT_ERRORS = 'exec sh "$1/test-exec.sh" "$1" "$1/$2.sh" 2>"$0"'

_AS_SSHD = """\
#!/bin/sh
for word; do
    case $word in
        -i) exec {objects}/netcat -N 127.0.0.1 {inetd} ;;
        -T) exec {sshd} "$@" ;;
    esac
done
exec {sshd} -p {port} "$@"
"""
_AS_SCP = """\
#!/bin/sh
if [ -z "$SSH_CONNECTION" ]; then
    for word; do
        case $word in
            -[ft]) exec ssh -q -F {objects}/ssh_proxy somehost scp "$@" ;;
            -*) ;;
            *) break ;;
        esac
    done
fi
exec {scp} "$@"
"""
_AS_SFTP_SERVER = """\
#!/bin/sh
[ -n "$SSH_CONNECTION" ] && exec {sftp_server} "$@"
exec ssh -q -F {objects}/ssh_proxy -s somehost sftp
"""


def run(
    scripts: Path, names: Sequence[str], target: Target, folder: Path, seconds: float
) -> Results:
    """Run these of the scripts in a copy of their folder; `seconds` is each one's time."""
    with TemporaryDirectory(prefix="keyless-") as scratch, ExitStack() as stack:
        objects = Path(scratch) / "obj"
        shutil.copytree(scripts, objects)
        regress = _Regress(objects, target, stack)
        results: dict[str, Outcome] = {}
        for name in names:
            for test, outcome in regress.run(name, folder, seconds):
                if results.get(test, PASSED) is PASSED:
                    results[test] = outcome
        return results


class _Regress:
    """The scripts in a folder of their own, `objects`."""

    def __init__(self, objects: Path, target: Target, stack: ExitStack) -> None:
        assert target.upstream.folder is not None
        self._objects = objects
        for key in target.upstream.folder.iterdir():
            shutil.copy(key, objects)  # which the scripts take for theirs
        self._programs = objects / "programs"
        self._programs.mkdir()
        self._write("scp", _AS_SCP.format(objects=objects, scp=_SCP))
        self._write(
            "sftp-server", _AS_SFTP_SERVER.format(objects=objects, sftp_server=_SFTP_SERVER)
        )
        self._environment = programs.environment(self._variables(target.port))
        if target.keyless is not None:
            self._environment["TEST_SSH_SSHD"] = str(self._programs / "sshd")
            self._stand_between(target, target.keyless.places[INETD][1])
            command = (_SSHD, "-i", "-f", f"{objects}/sshd_proxy", f"-E{objects}/sshd.log")
            stack.enter_context(Inetd(target.upstream.roles[INETD]["PORT"], command))

    def run(self, name: str, folder: Path, seconds: float) -> Iterator[tuple[str, Outcome]]:
        """A script's steps and the whole of it, with what became of each."""
        log, failures = folder / f"{name}.log", self._objects / "failed-regress.log"
        failures.unlink(missing_ok=True)
        code = programs.run(
            ["sh", "-c", _WITHOUT_ERRORS, f"{log}.errors", str(self._objects), name],
            folder=self._objects,
            environment=self._environment,
            seconds=seconds,
            log=log,
        )
        self._sweep()
        told = failures.read_text(errors="replace") if failures.exists() else ""
        failed = {" ".join(line.split()) for line in _FAILURE.findall(told)}
        return _outcomes(name, code, log.read_text(errors="replace").splitlines(), failed)

    def _variables(self, port: int) -> dict[str, str]:
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "BUILDDIR": str(self._objects),
            "TEST_SHELL": "sh",
            "TEST_SSH_ECC": "yes",
            "TEST_SSH_IPV6": "yes",
            "TEST_SSH_PORT": str(port),
            "TEST_SSH_SCP": str(self._programs / "scp"),
            "TEST_SSH_SFTPSERVER": str(self._programs / "sftp-server"),
            "TEST_SSH_SSHD": _SSHD,
            "TEST_SSH_UNSAFE_PERMISSIONS": "1",  # the folder is one for temporary files
        }

    def _stand_between(self, target: Target, inetd: int) -> None:
        port = target.upstream.port
        text = _AS_SSHD.format(objects=self._objects, inetd=inetd, port=port, sshd=_SSHD)
        self._write("sshd", text)

    def _write(self, name: str, text: str) -> None:
        file = self._programs / name
        file.write_text(text)
        file.chmod(0o755)

    def _sweep(self) -> None:
        """End what a script leaves behind, which is in no group of its."""
        for name in ("pidfile", "remote_pid"):
            file = self._objects / name
            if file.exists() and (pid := file.read_text().strip()):
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGTERM)
                file.unlink()


def _outcomes(
    script: str, code: int | None, lines: Sequence[str], failed: set[str]
) -> Iterator[tuple[str, Outcome]]:
    """A line is a step, unless it says why the step before it failed."""
    told: list[str] = []
    for line in reversed(lines):
        if (said := " ".join(line.removeprefix("FATAL: ").split())) in failed:
            told.insert(0, said)
        elif not line.startswith(_SKIPPED) and not _NO_STEP.match(line):
            yield f"{script}: {line}", _failed(told) if told else PASSED
            told = []
    if code == 0:
        skipped = any(line.startswith(_SKIPPED) for line in lines)
        yield script, Outcome(Status.SKIPPED, lines[-1]) if skipped else PASSED
    else:
        yield script, _failed(told or [f"exit code {code}"])


def _failed(told: Sequence[str]) -> Outcome:
    return Outcome(Status.FAILED, "; ".join(told)[:200])
