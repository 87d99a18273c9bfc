"""`keyless exec --mask`: no value of the role's secrets is in what the command says."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.end_to_end.jobs import KEY, TOKEN, Jobs, jobs
from tests.end_to_end.programs import find
from tests.end_to_end.terminal import Terminal
from tests.keyless import COMMAND
from tests.waiting import PATIENCE

__all__ = ["jobs"]

_BASH = find("bash")
_PROMPT = "prompt> "


def test_both_streams_are_masked(jobs: Jobs) -> None:
    script = f'echo "<${TOKEN}>"; echo "($REGION)"; echo "{{${TOKEN}}}" >&2; cat "${KEY}"'
    done = jobs.keyless("exec", "job", "--mask", "--", "sh", "-c", script)
    assert done.stdout == "<***>\n(eu-central-1)\n***"
    assert done.stderr == "{***}\n"
    assert done.returncode == 0


def test_a_value_in_pieces_is_masked(jobs: Jobs) -> None:
    """Written a byte at a time, each with a pause that is long enough to be read alone."""
    script = f"""
import os, time
for byte in os.environ["{TOKEN}"].encode():
    os.write(1, bytes([byte])); time.sleep(0.005)
os.write(1, b"!")
"""
    done = jobs.keyless("exec", "job", "--mask", "--", sys.executable, "-c", script)
    assert done.stdout == "***!"


def test_base64_is_masked(jobs: Jobs) -> None:
    script = f'printf "app:%s" "${TOKEN}" | base64 -w0'
    done = jobs.keyless("exec", "job", "--mask", "--", "sh", "-c", script)
    assert done.stdout.startswith("YXBwO")
    assert "***" in done.stdout


def test_what_is_too_short_is_told(jobs: Jobs) -> None:
    done = jobs.keyless("exec", "short", "--mask", "--", "sh", "-c", "echo $SHORT")
    assert done.stdout == "abc\n"
    assert "SHORT is not masked: it has less than 4 characters" in done.stderr
    assert jobs.keyless("exec", "short", "--", "true").stderr == ""


def test_much_output_comes_whole_and_in_order(jobs: Jobs) -> None:
    done = jobs.keyless("exec", "job", "--mask", "--", "seq", "300000")
    assert done.stdout == "".join(f"{n}\n" for n in range(1, 300_001))


def test_what_can_be_shown_is_shown_at_once(jobs: Jobs) -> None:
    process = jobs.start("sh", "-c", "printf 'Name? '; sleep 60", mask=True)
    assert process.stdout is not None
    assert process.stdout.read(6) == "Name? "
    process.terminate()
    assert process.wait(PATIENCE) == 143
    process.stdout.close()


def test_a_reader_that_leaves_ends_the_command(jobs: Jobs) -> None:
    process = jobs.start("yes", mask=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "y\n"
    process.stdout.close()
    assert process.wait(PATIENCE) == 128 + signal.SIGPIPE


def test_a_child_in_the_background_is_not_waited_for(jobs: Jobs) -> None:
    process = jobs.start("sh", "-c", "sleep 30 & echo $!", mask=True)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    os.kill(int(said), signal.SIGKILL)


def test_output_that_somebody_made_nonblocking(jobs: Jobs) -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    command = [COMMAND, "exec", "job", "--mask", "--", "seq", "50000"]
    with subprocess.Popen(command, stdout=write, env=jobs.environment()) as process:
        os.close(write)
        with open(read, "rb") as output:
            assert output.read().count(b"\n") == 50_000
        assert process.wait(PATIENCE) == 0


# -- in front of a terminal ---------------------------------------------------------------------


def _terminal(jobs: Jobs, artefacts: Path, *command: str) -> Terminal:
    given = {**jobs.environment(), "PS1": _PROMPT, "TERM": "dumb", "HISTFILE": ""}
    given["PATH"] = f"{Path(COMMAND).parent}:{given['PATH']}"
    return Terminal(command, given, artefacts / f"{jobs.directory.name}.terminal")


def test_in_a_terminal_too(jobs: Jobs, artefacts: Path) -> None:
    command = (COMMAND, "exec", "job", "--mask", "--", _BASH, "--norc", "--noediting", "-i")
    with _terminal(jobs, artefacts, *command) as terminal:
        terminal.see(_PROMPT)
        terminal.type(f'test -t 1 && echo "<${TOKEN}>"; cat "${KEY}"\n')
        terminal.see("<***>\r\n***")
        terminal.see(_PROMPT)
        terminal.resize(50, 120)
        terminal.type("sleep 0.2; stty size; exit 5\n")
        terminal.see("50 120\r\n")


def test_the_terminal_is_left_as_it_was(jobs: Jobs, artefacts: Path) -> None:
    with _terminal(jobs, artefacts, _BASH, "--norc", "--noediting", "-i") as terminal:
        terminal.see(_PROMPT)
        before = terminal.modes()
        terminal.type("keyless exec job --mask -- sh -c 'stty raw; printf rea\"\"dy; head -c1'\n")
        terminal.see("ready")
        assert terminal.modes() != before
        terminal.type("x")
        terminal.see("x")
        terminal.see(_PROMPT)
        assert terminal.modes() == before
