"""What a Postgres role's variables say, each reader by itself; see `protocols.environment`."""

from protocols.api import Endpoint, TcpEndpoint, TlsMode, TlsPolicy, UnixEndpoint
from protocols.environment import Environment, choice, port
from protocols.environment import tls_policy as any_tls_policy
from protocols.postgres.demands import METHODS, ChannelBinding, TargetSession


def password(environment: Environment) -> str:
    """PASS, or nothing where the server may let us in without."""
    if not {"PASS", "SSLCERT"} & environment.keys() and "none" not in _allowed(environment):
        raise ValueError(
            "PASS is missing; write a secret reference, such as _vaultkv2:my-secret:password"
        )
    return environment.get("PASS") or ""


def hosts(environment: Environment) -> tuple[Endpoint, ...]:
    """HOST and PORT: several hosts by commas, and one port for all of them or one for each."""
    ports = [port(each) for each in _split(environment.get("PORT", "5432"))]
    names = _split(environment.get("HOST"))
    if not all(names):
        raise ValueError("HOST has an empty name in it; write one host, or several by commas")
    if not ports or not names:
        return ()
    if len(ports) == 1:
        ports *= len(names)
    if len(ports) != len(names):
        raise ValueError(
            f"PORT has {len(ports)} entries and HOST has {len(names)}; write one port for all "
            "hosts, or one for each"
        )
    return tuple(map(_endpoint, names, ports))


def tls_policy(environment: Environment) -> TlsPolicy:
    """SSLMODE and the certificates."""
    modes = {mode.value: mode for mode in TlsMode}
    judged = () if "SSLMODE" in environment else hosts(environment)
    return any_tls_policy(environment, modes, judged)


def methods(environment: Environment) -> frozenset[str]:
    """REQUIRE_AUTH: the methods that are allowed or, each with a "!", those that are not."""
    required = _required(environment)
    if not {method.removeprefix("!") for method in required} <= set(METHODS):
        raise ValueError(
            f"REQUIRE_AUTH names an unknown method; write some of {', '.join(METHODS)}"
        )
    if len({method[0] == "!" for method in required}) == 2:
        raise ValueError(
            "REQUIRE_AUTH names some methods with ! and some without; write either what is "
            "allowed, or what is not"
        )
    return _allowed(environment)


def channel_binding(environment: Environment) -> ChannelBinding:
    choices = {binding.value: binding for binding in ChannelBinding}
    binding = choice(environment, "CHANNEL_BINDING", choices, ChannelBinding.PREFER)
    if binding is ChannelBinding.REQUIRE and environment.get("SSLMODE") == "disable":
        raise ValueError("CHANNEL_BINDING is require, which needs TLS; write SSLMODE = verify-full")
    return binding


def target_session(environment: Environment) -> TargetSession:
    choices = {target.value: target for target in TargetSession}
    return choice(environment, "TARGET_SESSION_ATTRS", choices, TargetSession.ANY)


def _split(value: str | None) -> list[str]:
    return [] if value is None else [part.strip() for part in value.split(",")]


def _required(environment: Environment) -> list[str]:
    default = "scram-sha-256, cert" if "SSLCERT" in environment else "scram-sha-256"
    return _split(environment.get("REQUIRE_AUTH") or default)


def _allowed(environment: Environment) -> frozenset[str]:
    required = _required(environment)
    ruled_out = [method[1:] for method in required if method[:1] == "!"]
    return frozenset(METHODS).difference(ruled_out) if ruled_out else frozenset(required)


def _endpoint(host: str, port: int) -> Endpoint:
    return UnixEndpoint(f"{host}/.s.PGSQL.{port}") if host[:1] == "/" else TcpEndpoint(host, port)
