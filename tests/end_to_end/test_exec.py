"""`keyless exec`: a command has its role's secrets, and nobody else has."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.demo.openbao import OpenBao
from proxy.demo.postgres import EmbeddedPostgres
from tests.end_to_end.conftest import StartKeyless
from tests.end_to_end.jobs import DIGESTS, KEY, TOKEN, Jobs, jobs
from tests.end_to_end.programs import run
from tests.keyless import COMMAND, role
from tests.secrecy import find_in_file

__all__ = ["jobs"]

_DIGEST = "sha256sum | cut -d' ' -f1"


def test_a_secret_is_in_a_variable(jobs: Jobs) -> None:
    done = jobs.exec("sh", "-c", f'printf %s "${TOKEN}" | {_DIGEST}; echo $REGION')
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [DIGESTS["token"], "eu-central-1"]


def test_or_in_a_private_file_that_is_gone_afterwards(jobs: Jobs) -> None:
    script = f'cat "${KEY}" | {_DIGEST}; stat -c "%a %U" "${KEY}" "$(dirname "${KEY}")"'
    done = jobs.exec("sh", "-c", f'{script}; echo "${KEY}"')
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    digest, file, folder, path = done.stdout.splitlines()
    assert (digest, file, folder) == (DIGESTS["key"], f"600 {user}", f"700 {user}")
    assert path.startswith(str(jobs.directory / "runtime" / "keyless-"))
    assert jobs.files() == []


def test_the_command_has_our_streams_and_our_folder(jobs: Jobs) -> None:
    done = subprocess.run(
        [COMMAND, "exec", "job", "--", "sh", "-c", "cat; pwd; echo problem >&2"],
        input="said",
        capture_output=True,
        text=True,
        cwd=jobs.directory,
        env=jobs.environment(),
        timeout=60,
        check=True,
    )
    assert done.stdout == f"said{jobs.directory}\n"
    assert done.stderr == "problem\n"


def test_it_has_no_key_to_the_provider_and_no_secret_of_another_role(jobs: Jobs) -> None:
    with jobs.config.open("a") as file:
        file.write('[roles.more]\nkind = "command"\nenv = { A = "_env:OF_ANOTHER" }\n')
    more = {"OF_ANOTHER": "x", "AWS_SECRET_ACCESS_KEY": "x", "EDITOR": "vi"}
    done = jobs.keyless("exec", "job", "--", "env", "-0", **more)
    print(len(done.stdout))  # the guard does not see what is not printed
    names = {entry.partition("=")[0] for entry in done.stdout.split("\0")}
    assert names >= {"PATH", "EDITOR", TOKEN, KEY, "REGION", "VAULT_ADDR"}
    assert not names & {"VAULT_TOKEN", "AWS_SECRET_ACCESS_KEY", "OF_ANOTHER"}


def test_a_role_may_give_what_is_else_kept_back(jobs: Jobs) -> None:
    with jobs.config.open("a") as file:
        file.write('[roles.more]\nkind = "command"\nenv = { VAULT_TOKEN = "_env:MINE" }\n')
    done = jobs.keyless("exec", "more", "--", "sh", "-c", "echo $VAULT_TOKEN $MINE", MINE="limited")
    assert done.stdout == "limited\n"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("true",), 0),
        (("sh", "-c", "exit 3"), 3),
        (("sh", "-c", "exit 255"), 255),
        (("sh", "-c", "kill -KILL $$"), 137),
        (("sh", "-c", "kill -TERM $$"), 143),
        (("no-such-command",), 127),
        (("/no/such/command",), 127),
        (("/etc/passwd",), 126),
        (("/",), 126),
    ],
)
def test_its_exit_code_is_the_commands(jobs: Jobs, command: tuple[str, ...], code: int) -> None:
    done = jobs.exec(*command)
    assert done.returncode == code
    assert done.stderr.count("\n") == (code in (126, 127))


@pytest.mark.parametrize(("end", "code"), [("exit 3", 3), ("kill -TERM $$", 143)])
def test_masked_too(jobs: Jobs, end: str, code: int) -> None:
    assert jobs.keyless("exec", "job", "--mask", "--", "sh", "-c", end).returncode == code


@pytest.mark.parametrize(
    ("text", "code"), [("#!/no/such/interpreter\n", 127), ("no program at all", 126)]
)
def test_a_file_that_the_kernel_does_not_run(jobs: Jobs, text: str, code: int) -> None:
    program = jobs.directory / "program"
    program.write_text(text)
    program.chmod(0o755)
    done = jobs.exec(str(program))
    assert done.returncode == code
    assert done.stderr.startswith(f"keyless: {program}: ")
    assert jobs.audit().events() == []
    assert jobs.files() == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("gone", "--", "true"),
            'the secrets of role "gone" cannot be read now; tell its operator',
        ),
        (("nul", "--", "true"), 'role "nul" is not set up correctly; tell its operator (NUL holds'),
        (("others", "--", "true"), 'role "others" is not for user '),
        (("jbo", "--", "true"), "has no role 'jbo'; did you mean job?"),
        (("job", "true"), "write the command behind two dashes: keyless exec ROLE -- COMMAND"),
        (("job", "--"), "write the command behind two dashes"),
        (("job", "git", "--", "log"), "write the command behind two dashes"),
        (("job", "--maks", "--", "true"), "No such option"),
        (("--", "true"), "Missing argument 'ROLE'"),
    ],
)
def test_what_keyless_itself_cannot_do_is_125(
    jobs: Jobs, arguments: tuple[str, ...], told: str
) -> None:
    done = jobs.keyless("exec", *arguments)
    assert done.returncode == 125
    assert told in done.stderr
    assert done.stdout == ""


def test_a_wrong_file_and_an_audit_that_cannot_be_written_are_125(jobs: Jobs) -> None:
    text = jobs.config.read_text()
    jobs.config.write_text("[roles.job]\n")
    assert jobs.exec("true").returncode == 125
    jobs.config.write_text('[audit]\npath = "/dev/full"\n' + text)
    done = jobs.exec("touch", str(jobs.directory / "touched"))
    assert done.returncode == 125
    assert "cannot be written: No space left on device" in done.stderr
    assert not (jobs.directory / "touched").exists()


def test_a_role_of_another_kind(jobs: Jobs) -> None:
    with jobs.config.open("a") as file:
        file.write(role("db", 1))
    done = jobs.exec("true", role="db")
    assert done.returncode == 125
    assert done.stderr == "keyless: role db is of kind postgres: `keyless connect db` opens it\n"


def test_dashes_of_the_commands_own_are_the_commands(jobs: Jobs) -> None:
    done = jobs.exec("echo", "--mask", "-c", "--", "x", "")
    assert done.stdout == "--mask -c -- x \n"


# -- audit --------------------------------------------------------------------------------------


def test_the_audit_tells_what_was_run_and_how_it_ended(jobs: Jobs) -> None:
    audit = jobs.audit()
    awkward = "a\nb \x1b[0m ü \udcff"
    assert jobs.exec("sh", "-c", "exit 3", awkward).returncode == 3
    read, start, end = audit.events()
    assert (read["event"], read["secret"]) == ("secret.read", "secret/data/jobs")
    assert read["keys"] == ["token", "key"]
    assert start["event"] == "command.start"
    assert start["argv"] == ["sh", "-c", "exit 3", awkward]
    assert start["argv_bytes"] == len(os.fsencode("sh-cexit 3" + awkward))
    assert (start["cwd"], start["masked"]) == (os.getcwd(), False)
    assert start["versions"] == [read["version"]] != [""]
    assert start["client"]["uid"] == os.getuid()
    assert (end["event"], end["exit_status"], end["signal"], end["error"]) == (
        *("command.end", 3, None, None),
    )
    assert end["duration_ms"] > 0
    assert {(event["role"], event["session"]) for event in (read, start, end)} == {
        ("job", start["session"])
    }
    assert jobs.broken() is None


def test_it_tells_of_signals_and_of_what_could_not_begin(jobs: Jobs) -> None:
    audit = jobs.audit()
    jobs.exec("sh", "-c", "kill -9 $$")
    assert audit.one("command.end")["signal"] == "SIGKILL"
    audit = jobs.audit()
    program = jobs.directory / "program"
    program.write_text("no program")
    program.chmod(0o755)
    jobs.exec(str(program))
    assert audit.one("command.end")["error"] == f"{program}: Exec format error"


def test_a_value_that_is_too_long_for_a_variable(jobs: Jobs) -> None:
    long = jobs.directory / "long"
    long.write_text("x" * 140_000)
    with jobs.config.open("a") as file:
        file.write(f'[roles.more]\nkind = "command"\nenv = {{ A = "_file:{long}" }}\n')
    done = jobs.exec("true", role="more")
    assert done.returncode == 126
    assert "Argument list too long; list long values in `files`" in done.stderr


@pytest.mark.parametrize(("name", "reason"), [("others", "denied"), ("gone", "secret_unavailable")])
def test_it_tells_who_was_refused(jobs: Jobs, name: str, reason: str) -> None:
    audit = jobs.audit()
    jobs.exec("true", role=name)
    denied = audit.one("session.denied")
    assert (denied["kind"], denied["reason"], denied["role"]) == ("command", reason, name)
    assert audit.events("command.start") == []
    assert bool(audit.events("secret.read")) is (name == "gone")


def test_a_user_who_is_allowed(jobs: Jobs) -> None:
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    jobs.config.write_text(jobs.config.read_text().replace("somebody-else", user))
    assert jobs.exec("true", role="others").returncode == 0


def test_a_value_among_the_arguments_is_not_in_the_audit(jobs: Jobs) -> None:
    """What the user's own shell put there everybody can see who lists processes."""
    with jobs.config.open("a") as file:
        file.write('[roles.more]\nkind = "command"\nenv = { A = "_env:OPEN" }\n')
    audit = jobs.audit()
    jobs.keyless("exec", "more", "--", "echo", "--password=common", OPEN="common")
    assert audit.one("command.start")["argv"] == ["echo", "--password=***"]


def test_a_long_command_is_cut(jobs: Jobs) -> None:
    audit = jobs.audit()
    assert jobs.exec("true", "x" * 65_000, "y" * 65_000, "z").returncode == 0
    start = audit.one("command.start")
    assert [len(argument) for argument in start["argv"]] == [4, 65_000, 532]
    assert start["argv_bytes"] == 130_005


def test_commands_beside_a_running_proxy_keep_one_chain(
    start_keyless: StartKeyless,
    openbao: OpenBao,
    artefacts: Path,
    latest_postgres: EmbeddedPostgres,
) -> None:
    made = Jobs(artefacts / "jobs-beside", openbao)
    keyless = start_keyless(role("app", latest_postgres) + made.config.read_text(), made.vault)
    more = {"KEYLESS_CONFIG": str(keyless.config)}
    audit = keyless.audit()
    commands = [
        subprocess.Popen([COMMAND, "exec", "job", "--", "true"], env=made.environment(more))
        for _ in range(4)
    ]
    with keyless.connect("app") as connection:
        while any(command.poll() is None for command in commands):
            connection.execute("SELECT 1")
    assert [command.wait() for command in commands] == [0] * 4
    keyless.stop()
    assert len(audit.events("command.end")) == 4
    assert len(audit.events("postgres.query")) > 10
    verified = run(COMMAND, "audit", "verify", str(keyless.audit_path))
    assert verified.returncode == 0, verified.stderr


def test_an_audit_for_standard_output_goes_to_standard_error(jobs: Jobs) -> None:
    jobs.config.write_text('[audit]\npath = "-"\n' + jobs.config.read_text())
    done = jobs.exec("echo", "said")
    assert done.stdout == "said\n"
    assert '"event":"command.end"' in done.stderr


# -- the other commands -------------------------------------------------------------------------


@pytest.fixture
def shell(jobs: Jobs) -> Iterator[Path]:
    """A user's shell that tells what it was given and leaves."""
    program = jobs.directory / "shell"
    program.write_text(f'#!/bin/sh\nprintf %s "${TOKEN}" | {_DIGEST}\necho "$@"\nexit 5\n')
    program.chmod(0o755)
    yield program
    assert find_in_file(program) == []


def test_connect_opens_the_users_shell(jobs: Jobs, shell: Path) -> None:
    audit = jobs.audit()
    done = jobs.keyless("connect", "job", "--", "-x", "y", SHELL=str(shell))
    assert done.returncode == 5
    assert done.stdout.splitlines() == [DIGESTS["token"], "-x y"]
    assert done.stderr == "Connected to job\n"
    assert audit.one("command.start")["argv"] == [str(shell), "-x", "y"]


def test_connect_does_not_say_so_before_it_is_true(jobs: Jobs) -> None:
    done = jobs.keyless("connect", "gone")
    assert done.returncode == 125
    assert "Connected" not in done.stderr


def test_check_and_roles_know_them(jobs: Jobs) -> None:
    done = jobs.keyless("check")
    assert done.returncode == 1
    told = done.stdout.splitlines()
    assert told[0] == "job (command): ok"
    assert told[1].startswith("  _vaultkv2:secret/data/jobs  read in ")
    assert "gone (command): FAILED" in told
    assert jobs.keyless("check", "job").returncode == 0
    reports = json.loads(jobs.keyless("check", "--json").stdout)
    assert {report["role"]: report["ok"] for report in reports} == {
        **dict.fromkeys(("job", "short", "others"), True),
        **dict.fromkeys(("nul", "gone"), False),
    }
    listed = json.loads(jobs.keyless("roles", "--json").stdout)
    assert listed[0] == {"role": "job", "kind": "command", "listen": None}
    line = jobs.keyless("roles").stdout.splitlines()[0]
    assert line == "job     command  no listener; `keyless exec` runs commands with it"


def test_a_shell_learns_the_names_of_roles(jobs: Jobs) -> None:
    words = {"COMP_WORDS": "keyless exec s", "COMP_CWORD": "2"}
    done = jobs.keyless(**words, _KEYLESS_COMPLETE="bash_complete")
    assert done.stdout == "plain,short\n"
