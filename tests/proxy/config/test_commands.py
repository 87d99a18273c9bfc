"""What a table of kind `command` may say: variables of any name, files among them, no listener."""

from pathlib import Path

import pytest

from providers.reference import Reference
from proxy.config import ConfigError, parse_text
from tests.secrecy import CANARY

_PATH = Path("/etc/keyless.toml")
_FILE = """
[roles.app]
kind = "postgres"
env = { HOST = "db", USER = "app", PASS = "_envjson:X:password" }
[roles.job]
kind = "command"
allow = { users = ["alice"] }
files = ["SSH_KEY"]
[roles.job.env]
SSH_KEY = "_vaultkv2:job:key"
STRIPE_KEY = "_aws:billing/stripe:API_KEY"
retries = 3
"""


def _problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        parse_text(text, _PATH)
    return [str(problem) for problem in raised.value.problems]


def test_it_is_read_beside_others() -> None:
    config = parse_text(_FILE, _PATH)
    job = config.commands["job"]
    assert (job.name, job.files, job.allow.users) == ("job", ("SSH_KEY",), ("alice",))
    assert job.environment == {
        "SSH_KEY": Reference("vaultkv2", "job", "key"),
        "STRIPE_KEY": Reference("aws", "billing/stripe", "API_KEY"),
        "retries": "3",
    }
    assert list(config.roles) == ["app"]
    assert [role.name for role in config.all_roles()] == ["app", "job"]
    providers = [reference.provider for reference in config.references()]
    assert providers == ["envjson", "vaultkv2", "aws"]


def test_a_value_that_was_written_down_is_not_shown() -> None:
    assert CANARY not in repr(parse_text(_FILE.replace("3", f'"{CANARY}"'), _PATH))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            'listen = "127.0.0.1:1"',
            "roles.job.listen: is nothing that a command has, for nobody connects to it; leave it "
            "out, and run `keyless exec job -- COMMAND`",
        ),
        ("allow_unauthenticated = true", "roles.job.allow_unauthenticated: is nothing that a"),
        ('file = ["SSH_KEY"]', "roles.job.file: is not a setting; did you mean files? (known: "),
        ('files = ["SSH_KYE"]', "roles.job.files: 'SSH_KYE' is not in env; did you mean SSH_KEY?"),
        ('files = "SSH_KEY"', "roles.job.files: "),
        ("allow = 1", "roles.job.allow: "),
    ],
)
def test_a_mistake_in_a_setting(line: str, told: str) -> None:
    env = '[roles.job.env]\nSSH_KEY = "_vaultkv2:job:key"\n'
    (problem,) = _problems(f'[roles.job]\nkind = "command"\n{line}\n{env}')
    assert problem.startswith(told)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('A = "_SECRET"', "A: begins with '_' and is not a secret reference; write"),
        ('A = "_vaultkv3:job:key"', "A: refers to an unknown secrets provider"),
        ('"A B" = "x"', "A B: is no variable's name; use letters, digits and '_'"),
        ('"A=B" = "x"', "A=B: is no variable's name"),
        ('"../A" = "x"', "../A: is no variable's name"),
        ('"1A" = "x"', "1A: is no variable's name"),
        ("A = 1.5", "A"),
    ],
)
def test_a_mistake_in_a_variable(line: str, told: str) -> None:
    text = f'[roles.job]\nkind = "command"\n[roles.job.env]\n{line.replace("SECRET", CANARY)}\n'
    problem, *_ = _problems(text)
    assert problem.startswith(f"roles.job.env.{told}")
    assert CANARY not in problem


def test_its_name_is_a_roles_name() -> None:
    (problem,) = _problems('[roles."a b"]\nkind = "command"\n')
    assert problem.startswith("roles.a b: is no role name; use letters")


def test_nothing_listens_for_commands() -> None:
    (problem,) = _problems('[listen]\ncommand = "127.0.0.1:1"\n' + _FILE)
    assert problem == "listen.command: is nothing to listen for; leave it out"


def test_the_kind_is_among_those_that_are_known() -> None:
    (problem,) = _problems('[roles.job]\nkind = "comand"\n')
    assert problem.startswith(
        "roles.job.kind: 'comand' is not a kind of role; did you mean command?"
    )
