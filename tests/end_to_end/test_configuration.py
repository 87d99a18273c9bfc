"""A wrong configuration: every mistake is told at once, and nothing listens."""

import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.programs import run
from tests.keyless import COMMAND, Keyless, environment
from tests.secrecy import CANARY
from tests.servers.misbehaving import refusing_address
from tests.wire import Wire

_WRONG = f"""
log_levle = "debug"
[timeouts]
client = 0
[roles.app]
kind = "postgres"
listen = "127.0.0.1:{{port}}"
[roles.app.env]
HOST = "127.0.0.1"
USER = "app"
PASS = "_vaultkv2:secret/data/app:password"
[roles.typo]
kind = "postgers"
[roles.leaky]
kind = "postgres"
listn = "127.0.0.1:1"
[roles.leaky.env]
HSOT = "db"
USER = "app"
PORT = "port {CANARY}"
PASS = "_{CANARY}"
[roles.open]
kind = "postgres"
listen = "0.0.0.0:5432"
env = {{{{ HOST = "db", USER = "app", PASS = "_valutkv2:secret/data/app:password" }}}}
[roles.clash]
kind = "postgres"
listen = "127.0.0.1:{{port}}"
env = {{{{ HOST = "db", USER = "app", PASS = "x" }}}}
"""


def _serve(directory: Path, text: str) -> "subprocess.CompletedProcess[str]":
    """The file itself may hold a secret, and is not among the artefacts."""
    file = directory / "keyless.toml"
    file.write_text(text)
    done = run(COMMAND, "serve", "--config", str(file), environment=environment())
    print(done.stderr)  # for the secrecy guard
    return done


def test_every_mistake_is_told_at_once_and_nothing_listens(tmp_path: Path) -> None:
    with refusing_address() as place:
        port = int(place.rpartition(":")[2])
        done = _serve(tmp_path, _WRONG.format(port=port))
        with pytest.raises(ConnectionRefusedError):
            Wire(("127.0.0.1", port))
    assert done.returncode == 2
    assert done.stderr.startswith("keyless: ")
    assert "keyless.toml is not right; nothing was started.\n" in done.stderr
    places = [line.strip().partition(":")[0] for line in done.stderr.splitlines()[1:]]
    assert sorted(places) == [
        "log_levle",
        "roles.clash.listen",
        "roles.leaky.env.HOST",
        "roles.leaky.env.HSOT",
        "roles.leaky.env.PASS",
        "roles.leaky.env.PORT",
        "roles.leaky.listn",
        "roles.open.env.PASS",
        "roles.open.listen",
        "roles.typo.kind",
        "timeouts.client",
    ]
    assert "did you mean log_level?" in done.stderr
    assert "did you mean _vaultkv2:?" in done.stderr
    assert "write allow_unauthenticated = true" in done.stderr
    assert not (tmp_path / "audit.jsonl").exists()


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("no-roles", "", "roles: is missing"),
        ("no-listener", '[roles.a]\nkind="postgres"\nenv={HOST="h",USER="u",PASS="p"}', "no role"),
        ("no-toml", "this is no TOML", "it is not TOML: "),
    ],
)
def test_a_file_of_which_nothing_can_be_served(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    done = _serve(tmp_path, text)
    assert done.returncode in (1, 2)
    assert told in done.stderr


def test_a_port_that_is_in_use_stops_everything(tmp_path: Path, keyless: Keyless) -> None:
    taken = keyless.places["pg18"][1]
    with refusing_address() as place:
        free = place.rpartition(":")[2]
    env = 'env = { HOST = "h", USER = "u", PASS = "p" }\nkind = "postgres"\n'
    text = f'[roles.first]\nlisten = "127.0.0.1:{free}"\n{env}'
    text += f'[roles.second]\nlisten = "127.0.0.1:{taken}"\n{env}'
    done = _serve(tmp_path, text)
    assert done.returncode == 1
    assert done.stderr == (
        f"keyless: cannot listen on 127.0.0.1:{taken}: something else listens there: stop it, or "
        "change `listen`\n"
    )
    with pytest.raises(ConnectionRefusedError):
        Wire(("127.0.0.1", int(free)))
