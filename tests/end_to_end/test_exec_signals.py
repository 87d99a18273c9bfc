"""Signals and keys reach the command that `keyless exec` runs, once, and nothing is left of it."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.jobs import KEY, Jobs, jobs
from tests.end_to_end.programs import find
from tests.end_to_end.terminal import CTRL_C, CTRL_Z, Terminal
from tests.keyless import COMMAND
from tests.servers.misbehaving import silent_listener
from tests.waiting import PATIENCE, eventually

__all__ = ["jobs"]

_BASH = find("bash")
_PROMPT = "prompt> "
_HANDED_ON = ["INT", "TERM", "HUP", "QUIT", "USR1", "USR2"]
_COUNT = """
import signal, time
seen = []
signal.signal(signal.SIGINT, lambda *_: seen.append(1))
print("counting", flush=True)
while not seen: time.sleep(0.01)
time.sleep(0.5)
print(f"seen {len(seen)}", flush=True)
"""


def _first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _end(process: "subprocess.Popen[str]", number: int) -> tuple[int, str]:
    process.send_signal(number)
    said, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, said.strip()


@pytest.mark.parametrize("mask", [False, True], ids=["", "masked"])
@pytest.mark.parametrize("name", _HANDED_ON)
def test_a_signal_is_handed_on(jobs: Jobs, name: str, mask: bool) -> None:
    script = f"trap 'echo got {name}; exit 9' {name}; echo ready; while :; do sleep 0.05; done"
    process = jobs.start("sh", "-c", script, mask=mask)
    assert _first_line(process) == "ready"
    assert _end(process, signal.Signals[f"SIG{name}"]) == (9, f"got {name}")
    assert jobs.files() == []


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP"])
def test_a_command_that_a_signal_ends_leaves_no_file(jobs: Jobs, name: str) -> None:
    audit = jobs.audit()
    number = signal.Signals[f"SIG{name}"]
    process = jobs.start("sh", "-c", f'echo "${KEY}"; exec sleep 60')
    path = Path(_first_line(process))
    assert path.exists()
    assert _end(process, number)[0] == (-number if name == "INT" else 128 + number)
    assert jobs.files() == []
    end = audit.one("command.end")
    assert (end["exit_status"], end["signal"]) == (None, f"SIG{name}")


def test_keyless_that_is_killed_leaves_what_the_command_needs(jobs: Jobs) -> None:
    """As the documentation says: nobody is there to end it."""
    process = jobs.start("sh", "-c", f'echo $$; cat; test -e "${KEY}" && echo there; exec sleep 60')
    command = int(_first_line(process))
    process.kill()
    process.wait(PATIENCE)
    assert _first_line(process) == "there"
    os.kill(command, signal.SIGKILL)
    assert process.stdout is not None
    process.stdout.close()
    assert len(jobs.files()) == 1
    shutil.rmtree(jobs.directory / "runtime")


def test_a_signal_before_the_command_runs_ends_the_reading_at_once(jobs: Jobs) -> None:
    with silent_listener() as place:
        process = subprocess.Popen(
            [COMMAND, "exec", "job", "--", "touch", str(jobs.directory / "touched")],
            env=jobs.environment({"VAULT_ADDR": f"http://{place}"}),
            start_new_session=True,
        )
        eventually(lambda: _is_caught(process.pid, signal.SIGTERM))
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 143  # the reading itself has 10 seconds
    assert not (jobs.directory / "touched").exists()


def _is_caught(pid: int, number: int) -> bool:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (caught,) = (line.split()[1] for line in lines if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (number - 1) & 1)


def test_what_is_ignored_stays_ignored(jobs: Jobs) -> None:
    """As under nohup(1)."""
    script = "echo ready; sleep 1; echo over"
    nohup = subprocess.Popen(
        ["sh", "-c", f"trap '' HUP; exec {COMMAND} exec job -- sh -c '{script}'"],
        stdout=subprocess.PIPE,
        text=True,
        env=jobs.environment(),
        start_new_session=True,
    )
    assert _first_line(nohup) == "ready"
    assert _end(nohup, signal.SIGHUP) == (0, "over")


def test_the_command_is_not_born_with_ignored_signals(jobs: Jobs) -> None:
    """Python ignores SIGPIPE; `yes | head` must end."""
    done = jobs.exec("grep", "SigIgn", "/proc/self/status")
    assert not int(done.stdout.split()[1], 16) >> (signal.SIGPIPE - 1) & 1


# -- in front of a terminal ---------------------------------------------------------------------


@pytest.fixture
def terminal(jobs: Jobs, artefacts: Path) -> Iterator[Terminal]:
    """A user's shell, with job control."""
    given = {**jobs.environment(), "PS1": _PROMPT, "TERM": "dumb", "HISTFILE": ""}
    given["PATH"] = f"{Path(COMMAND).parent}:{given['PATH']}"
    record = artefacts / f"{jobs.directory.name}.terminal"
    with Terminal([_BASH, "--norc", "--noprofile", "--noediting", "-i"], given, record) as terminal:
        terminal.see(_PROMPT)
        yield terminal


@pytest.mark.parametrize("mask", ["", "--mask "], ids=["", "masked"])
def test_the_command_has_the_terminal(terminal: Terminal, mask: str) -> None:
    script = "test -t 0 && test -t 1 && test -t 2 && stty size </dev/tty; read -r it; echo [$it]"
    terminal.type(f"keyless exec job {mask}-- sh -c '{script}'; echo code=$?\n")
    terminal.see("30 100\r\n")
    terminal.type("typed\n")
    terminal.see("[typed]\r\n")
    terminal.see("code=0\r\n")


@pytest.mark.parametrize("mask", ["", "--mask "], ids=["", "masked"])
def test_ctrl_c_reaches_the_command_once(jobs: Jobs, terminal: Terminal, mask: str) -> None:
    script = jobs.directory / "count.py"
    script.write_text(_COUNT)
    terminal.type(f"keyless exec job {mask}-- {sys.executable} {script}; echo code=$?\n")
    terminal.see("counting\r\n")
    terminal.type(CTRL_C)
    terminal.see("seen 1\r\n")
    terminal.see("code=0\r\n")


def test_ctrl_c_ends_a_command_that_says_nothing_else(terminal: Terminal) -> None:
    """And the shell's loop with it."""
    command = "keyless exec job -- sh -c 'echo rea\"\"dy; exec sleep 60'"
    terminal.type(f"while true; do {command}; done\n")
    terminal.see("ready\r\n")
    terminal.type(CTRL_C)
    terminal.see(_PROMPT)
    terminal.type("echo code=$?\n")
    terminal.see("code=130\r\n")


def test_ctrl_z_stops_the_command_and_the_shell_goes_on(jobs: Jobs, terminal: Terminal) -> None:
    script = 'echo rea""dy; read -r it; echo [$it]; exit 3'
    terminal.type(f"keyless exec job -- sh -c '{script}'\n")
    terminal.see("ready\r\n")
    terminal.type(CTRL_Z)
    terminal.see("Stopped")
    terminal.see(_PROMPT)
    terminal.type("echo $((1 + 1))\n")
    terminal.see("2\r\n")
    assert jobs.files() != []
    terminal.type("fg\n")
    terminal.see("exit 3'\r\n")
    terminal.type("typed\n")
    terminal.see("[typed]\r\n")
    terminal.see(_PROMPT)
    terminal.type("echo code=$?\n")
    terminal.see("code=3\r\n")
    assert jobs.files() == []


def test_a_command_that_stops_itself_stops_us(terminal: Terminal) -> None:
    terminal.type("keyless exec job -- sh -c 'kill -STOP $$; echo went \"\"on'\n")
    terminal.see("Stopped")
    terminal.see(_PROMPT)
    terminal.type("fg\n")
    terminal.see("went on\r\n")


def test_in_the_background_it_is_as_any_job(terminal: Terminal) -> None:
    terminal.type("keyless exec job --mask -- sh -c 'sleep 1; exit 4' & wait $!; echo code=$?\n")
    terminal.see("code=4\r\n")


def test_connect_is_a_shell_with_job_control(jobs: Jobs, terminal: Terminal) -> None:
    shell = jobs.directory / "shell"
    shell.write_text(f"#!/bin/sh\nPS1='inner> ' exec {_BASH} --norc --noprofile --noediting -i\n")
    shell.chmod(0o755)
    terminal.type(f"SHELL={shell} keyless connect job\n")
    terminal.see("Connected to job\r\n")
    terminal.see("inner> ")
    terminal.type("sh -c 'echo rea\"\"dy; exec sleep 60'\n")
    terminal.see("ready\r\n")
    terminal.type(CTRL_Z)
    terminal.see("Stopped")
    terminal.see("inner> ")
    terminal.type("kill -KILL %1; wait %1; suspend\n")
    terminal.see("Stopped")
    terminal.see(_PROMPT)
    terminal.type("fg\n")
    terminal.type('echo inn""er $REGION\n')
    terminal.see("inner eu-central-1\r\n")
    terminal.type("exit 6\n")
    terminal.see(_PROMPT)
    terminal.type("echo code=$?\n")
    terminal.see("code=6\r\n")


def test_a_terminal_that_goes_away_takes_the_command_along(jobs: Jobs, artefacts: Path) -> None:
    record = artefacts / f"{jobs.directory.name}.terminal"
    command = [COMMAND, "exec", "job", "--mask", "--", "sh", "-c", 'echo "pid $$."; exec sleep 60']
    with Terminal(command, jobs.environment(), record) as terminal:
        terminal.see("pid ")
        pid = int(terminal.see("."))
    eventually(lambda: not os.path.exists(f"/proc/{pid}"))
    eventually(lambda: jobs.files() == [])
