"""A file is read whole, and every mistake in it is found."""

from pathlib import Path

import pytest

from protocols.api import TcpEndpoint
from providers.reference import Reference
from proxy.config import ConfigError, load, parse_text
from tests.secrecy import CANARY

_PATH = Path("/etc/keyless.toml")
_ENV = 'env = { HOST = "db", USER = "app", PASS = "_envjson:X:password" }'


def _role(name: str, *lines: str) -> str:
    return "\n".join([f"[roles.{name}]", 'kind = "postgres"', *lines, _ENV, ""])


def _problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        parse_text(text, _PATH)
    for problem in raised.value.problems:
        assert f"\n  {problem}" in str(raised.value)
    return [str(problem) for problem in raised.value.problems]


def test_a_file_in_order() -> None:
    config = parse_text(_role("app", 'listen = "127.0.0.1:6432"', 'databases = ["a"]'), _PATH)
    role = config.roles["app"]
    assert (role.name, role.protocol.kind) == ("app", "postgres")
    assert role.listen == TcpEndpoint("127.0.0.1", 6432)
    assert role.environment == {
        "HOST": "db",
        "USER": "app",
        "PASS": Reference("envjson", "X", "password"),
    }
    assert role.options.databases == ("a",)
    assert config.path == _PATH


def test_a_password_that_was_written_down_is_not_shown() -> None:
    text = _role("app").replace("_envjson:X:password", CANARY)
    assert CANARY not in repr(parse_text(text, _PATH))


def test_two_listeners_in_one_place() -> None:
    listen = 'listen = "127.0.0.1:6432"'
    text = _role("one", listen) + _role("two", listen) + _role("three", listen)
    clash = "127.0.0.1:6432 is already the listener of role one; give each its own"
    assert _problems(text) == [f"roles.two.listen: {clash}", f"roles.three.listen: {clash}"]


def test_a_shared_listener() -> None:
    text = '[listen]\npostgres = "127.0.0.1:5432"\n' + _role("app")
    config = parse_text(text, _PATH)
    assert config.where(config.roles["app"]) == TcpEndpoint("127.0.0.1", 5432)
    own = parse_text(text.replace("env =", 'listen = "127.0.0.1:6432"\nenv ='), _PATH)
    assert own.where(own.roles["app"]) == TcpEndpoint("127.0.0.1", 6432)


@pytest.mark.parametrize(
    ("shared", "told"),
    [
        ('postgres = "0.0.0.0:5432"', "listen.postgres: is beyond loopback"),
        ('postgre = "127.0.0.1:5432"', "listen.postgre: is not a kind of role; did you mean"),
        ('mysql = "127.0.0.1:3306"', "listen.mysql: cannot be shared, for its clients are greeted"),
        (
            'postgres = "127.0.0.1:6432"',
            "roles.app.listen: 127.0.0.1:6432 is already the listener of all postgres roles",
        ),
    ],
)
def test_a_shared_listener_that_cannot_be(shared: str, told: str) -> None:
    (problem,) = _problems(f"[listen]\n{shared}\n" + _role("app", 'listen = "127.0.0.1:6432"'))
    assert problem.startswith(told)


def test_two_listeners_on_any_port_do_not_clash() -> None:
    listen = 'listen = "127.0.0.1:0"'
    assert len(parse_text(_role("one", listen) + _role("two", listen), _PATH).roles) == 2


@pytest.mark.parametrize("where", ["file", "role", "both"])
def test_everybody_may_be_let_in_if_the_file_says_so(where: str) -> None:
    word = "allow_unauthenticated = true\n"
    top = {"file": word, "role": "", "both": "allow_unauthenticated = false\n"}[where]
    own = [] if where == "file" else [word]
    config = parse_text(top + _role("app", 'listen = "0.0.0.0:6432"', *own), _PATH)
    assert config.roles["app"].listen == TcpEndpoint("0.0.0.0", 6432)


@pytest.mark.parametrize("own", ["", "allow_unauthenticated = false"])
def test_a_listener_beyond_loopback_is_refused(own: str) -> None:
    top = "allow_unauthenticated = true\n" if own else ""
    (problem,) = _problems(top + _role("app", 'listen = "[::]:6432"', own))
    assert problem.startswith("roles.app.listen: is beyond loopback")


def test_how_secrets_are_read() -> None:
    text = "[secrets]\ncache_ttl = 1.5\nstale_if_error = 60\nrotation_wait = 0\n" + _role("app")
    secrets = parse_text(text, _PATH).secrets
    assert (secrets.cache_ttl, secrets.stale_if_error, secrets.rotation_wait) == (1.5, 60, 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_metrics_are_served_on_loopback(host: str) -> None:
    config = parse_text(f'[metrics]\nlisten = "{host}:9090"\n' + _role("app"), _PATH)
    assert config.metrics.listen == TcpEndpoint(host.strip("[]"), 9090)


@pytest.mark.parametrize("listen", ["0.0.0.0:9090", "[::]:9090", "10.0.0.1:9090", "unix:/run/m"])
def test_and_nowhere_else_whatever_the_file_allows(listen: str) -> None:
    text = f'allow_unauthenticated = true\n[metrics]\nlisten = "{listen}"\n' + _role("app")
    told = "is not a loopback address; write 127.0.0.1:PORT"
    assert _problems(text) == [f"metrics.listen: {told}"]


def test_mistakes_in_how_secrets_are_read_are_told_with_their_place() -> None:
    text = "[secrets]\ncache_ttl = -1\nrotation_wiat = 1\n" + _role("app")
    first, second = _problems(text)
    assert first.startswith("secrets.cache_ttl: ")
    assert second.startswith("secrets.rotation_wiat: ")


def test_mistakes_everywhere_are_told_together() -> None:
    text = "log_level = 1\n" + _role("a", 'listen = "x"', "allow = 1") + "[roles.b]\n"
    assert [problem.partition(":")[0] for problem in _problems(text)] == [
        "log_level",
        "roles.a.listen",
        "roles.a.allow",
        "roles.b.kind",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nonsense", "it is not TOML: "),
        ("", "roles: is missing"),
        ("roles = 1", "roles: "),
        ("[roles]", "roles: "),
        ("roles.app = 1", "roles.app: "),
    ],
)
def test_a_file_without_any_role(text: str, told: str) -> None:
    (problem,) = _problems(text)
    assert problem.startswith(told)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="it cannot be read: No such file or directory"):
        load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="it cannot be read: Is a directory"):
        load(tmp_path)
    (tmp_path / "latin").write_bytes(b"# \xe4")
    with pytest.raises(ConfigError, match="it is not UTF-8 text"):
        load(tmp_path / "latin")
