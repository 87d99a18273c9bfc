"""What a role's variables say of how to reach upstream: each reader, before secrets are read and
after.
"""

from collections.abc import Sequence

import pytest

from protocols.api import Endpoint, TcpEndpoint, TlsMode, TlsPolicy, UnixEndpoint
from protocols.environment import Environment, choice, is_here, mistakes, port, tls_policy

_MODES = {mode.value: mode for mode in TlsMode}
_AWAY = TcpEndpoint("db.example", 1)
_HERE = TcpEndpoint("127.0.0.1", 1)


@pytest.mark.parametrize("text", ["1", "3306", "65535"])
def test_a_port_is_a_number(text: str) -> None:
    assert port(text) == int(text)


@pytest.mark.parametrize("text", ["", "0", "65536", "-1", "1e3", "٣٣٠٦", "3306 "])
def test_what_is_no_port_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="PORT is not a port; write a number from 1 to 65535"):
        port(text)


@pytest.mark.parametrize(
    ("endpoint", "here"),
    [
        (UnixEndpoint("/run/x"), True),
        (_HERE, True),
        (TcpEndpoint("127.9.9.9", 1), True),
        (TcpEndpoint("::1", 1), True),
        (TcpEndpoint("localhost", 1), True),
        (TcpEndpoint("localhost.example.org", 1), False),
        (TcpEndpoint("127.example", 1), False),
        (TcpEndpoint("10.0.0.1", 1), False),
    ],
)
def test_only_this_machine_is_here(endpoint: Endpoint, here: bool) -> None:
    assert is_here(endpoint) is here


@pytest.mark.parametrize(
    ("endpoints", "environment", "mode"),
    [
        ([_AWAY], {}, TlsMode.VERIFY_FULL),
        ([_HERE], {}, TlsMode.PREFER),
        ([_HERE, _AWAY], {}, TlsMode.VERIFY_FULL),
        ([_HERE], {"SSLROOTCERT": "root.crt"}, TlsMode.VERIFY_FULL),
        ([_HERE], {"SSLROOTCERT": None}, TlsMode.VERIFY_FULL),
        ([_AWAY], {"SSLMODE": "require"}, TlsMode.REQUIRE),
        ([_HERE], {"SSLMODE": "disable"}, TlsMode.DISABLE),
    ],
)
def test_a_server_proves_everything_unless_it_is_here(
    endpoints: Sequence[Endpoint], environment: Environment, mode: TlsMode
) -> None:
    assert tls_policy(environment, _MODES, endpoints).mode is mode


def test_certificates_are_a_part_of_the_policy() -> None:
    said = {"SSLMODE": "verify-ca", "SSLROOTCERT": "r", "SSLCERT": "c", "SSLKEY": "k"}
    assert tls_policy(said, _MODES, []) == TlsPolicy(TlsMode.VERIFY_CA, "r", "c", "k")


@pytest.mark.parametrize(
    ("environment", "mistake"),
    [
        ({"SSLMODE": "on"}, "SSLMODE is not a mode; write one of disable, allow, prefer"),
        ({"SSLMODE": ""}, "SSLMODE is not a mode"),
        ({"SSLROOTCERT": "system", "SSLMODE": "verify-ca"}, "SSLROOTCERT is system"),
        ({"SSLROOTCERT": "system", "SSLMODE": "require"}, "SSLROOTCERT is system"),
        ({"SSLMODE": "verify-ca"}, "SSLROOTCERT is needed with SSLMODE verify-ca"),
        ({"SSLCERT": "c"}, "SSLKEY is missing"),
        ({"SSLKEY": None}, "SSLCERT is missing"),
    ],
)
def test_what_does_not_fit_together_is_told(environment: Environment, mistake: str) -> None:
    with pytest.raises(ValueError, match=f"^{mistake}"):
        tls_policy(environment, _MODES, [_AWAY])


@pytest.mark.parametrize(
    "environment",
    [
        {"SSLROOTCERT": "system"},
        {"SSLROOTCERT": "system", "SSLMODE": "verify-full"},
        {"SSLROOTCERT": "system", "SSLMODE": None},
        {"SSLROOTCERT": None, "SSLMODE": "verify-ca"},
        {"SSLMODE": None},
        {"SSLCERT": None, "SSLKEY": "k"},
    ],
)
def test_what_a_reference_will_say_is_not_judged(environment: Environment) -> None:
    tls_policy(environment, _MODES, [_AWAY])


def test_a_choice_has_its_names() -> None:
    choices = {"one": 1, "ONE": 1}
    assert choice({"X": "ONE"}, "X", choices, 0) == 1
    assert choice({"X": None}, "X", choices, 0) == 0
    with pytest.raises(ValueError, match="X is not a mode; write one of one, ONE"):
        choice({"X": "two"}, "X", choices, 0)


def test_mistakes_are_told_once() -> None:
    def broken(environment: Environment) -> None:
        raise ValueError(f"X is {environment['X']}")

    assert mistakes([broken, len, broken], {"X": "wrong"}) == ["X is wrong"]
