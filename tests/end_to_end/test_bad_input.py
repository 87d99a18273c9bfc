"""Bad input gets a clear error in the protocol, a line in the log, and everybody else served on.

Around each test one good session stays open, and another one comes in after it.
"""

import ssl
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.demo.openbao import OpenBao
from proxy.demo.postgres import EmbeddedPostgres
from tests.end_to_end.gate import Gate
from tests.keyless import SECRET, WRONG_PASSWORD, Keyless, role
from tests.secrecy import CANARY
from tests.servers.misbehaving import OneAnswer, refusing_address, silent_listener
from tests.wire import Refused, Wire, message, query, refusal, refusal_of, startup

_VAULT = "_vaultkv2:secret/data/bad-input:{}"
_SSL_REQUEST = bytes.fromhex("0000000804d2162f")
_GSSENC_REQUEST = bytes.fromhex("0000000804d21630")


def _port(place: str) -> int:
    return int(place.rpartition(":")[2])


@pytest.fixture(scope="module")
def proxy(
    artefacts: Path, latest_postgres: EmbeddedPostgres, openbao: OpenBao
) -> Iterator[Keyless]:
    openbao.client.secrets.kv.v2.create_or_update_secret("bad-input", {"password": CANARY})
    vault = {"VAULT_ADDR": openbao.address, "VAULT_TOKEN": openbao.root_token}
    with refusing_address() as closed, silent_listener() as silent:
        roles = [
            "[timeouts]\nclient = 0.5\nupstream = 0.5\n",
            role("good", latest_postgres, PASS=_VAULT.format("password")),
            role("no_key", latest_postgres, PASS=_VAULT.format("pasword")),
            role("no_secret", latest_postgres, PASS="_vaultkv2:secret/data/missing:password"),
            role("not_json", latest_postgres, PASS="_envjson:KEYLESS_TEST_SECRET_TEXT:password"),
            role("no_variable", latest_postgres, PASS="_envjson:KEYLESS_TEST_SECRET_NONE:x"),
            role("wrong_password", latest_postgres, PASS=WRONG_PASSWORD),
            role("tls_not_offered", latest_postgres, SSLMODE="require"),
            role("down", _port(closed)),
            role("silent", _port(silent)),
            role("no_name", latest_postgres, HOST="no-such-host.invalid"),
            role("bad_port", latest_postgres, PORT=f"_envjson:{SECRET}:password"),
        ]
        text = {"KEYLESS_TEST_SECRET_TEXT": f"not JSON but {CANARY}"}
        with Keyless(artefacts / "bad-input", "".join(roles), vault | text) as running:
            yield running


@pytest.fixture(autouse=True)
def _others_are_served(proxy: Keyless) -> Iterator[None]:
    with Wire(proxy.places["good"]).log_in("good") as before:
        yield
        with Wire(proxy.places["good"]).log_in("good") as after:
            assert (before.query("SELECT 1"), after.query("SELECT 2")) == ([b"1"], [b"2"])
    assert "this is a bug in Keyless" not in proxy.log


_LAYOUT = "invalid startup packet layout: expected terminator as last byte"
_PACKETS = {
    "an HTTP client": (b"GET / HTTP/1.1\r\n\r\n", "08P01", "invalid length of startup packet"),
    "zeros": (bytes(100), "08P01", "invalid length of startup packet: 0 bytes"),
    "2 GiB": (struct.pack(">I", 1 << 31) + b"x", "08P01", "of startup packet: 2147483648 bytes"),
    "one byte too long": (struct.pack(">I", 10_005), "08P01", "startup packet: 10005 bytes"),
    "no terminator": (struct.pack(">ii", 12, 0x30000) + b"user", "08P01", _LAYOUT),
    "nothing in it": (struct.pack(">ii", 8, 0x30000), "08P01", _LAYOUT),
    "half a pair": (struct.pack(">ii", 14, 0x30000) + b"user\0\0", "08P01", _LAYOUT),
    "protocol 2": (startup(0x20000, user="x"), "0A000", "unsupported frontend protocol 2.0"),
    "no user": (startup(database="x"), "28000", "no PostgreSQL user name specified"),
    "an empty user": (startup(user=""), "28000", "no PostgreSQL user name specified"),
    "replication": (startup(user="x", replication="database"), "42501", "replication"),
    "another database": (startup(user="x", database="template1"), "3D000", '"template1"'),
    "SSLRequest with more": (_SSL_REQUEST + startup(user="x"), "08P01", "unencrypted data"),
}


@pytest.mark.parametrize("name", _PACKETS)
def test_a_bad_first_packet(proxy: Keyless, name: str) -> None:
    data, code, words = _PACKETS[name]
    refused = refusal_of(proxy.places["good"], data)
    assert refused.code == code
    assert words in refused.sentence
    assert refused.sentence in proxy.log


def test_the_same_question_twice(proxy: Keyless) -> None:
    with Wire(proxy.places["good"]) as client:
        client.send(_GSSENC_REQUEST)
        assert client.read(1) == b"N"
        client.send(_GSSENC_REQUEST)
        with pytest.raises(Refused, match=r"0A000 unsupported frontend protocol 1234\.5680"):
            client.receive()


def test_garbage_where_tls_should_begin(proxy: Keyless) -> None:
    with Wire(proxy.places["good"]) as client:
        client.send(_SSL_REQUEST)
        assert client.read(1) == b"S"
        client.send(b"this is no TLS at all" * 10)
        assert client.is_closed()


def test_garbage_within_tls(proxy: Keyless) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with Wire(proxy.places["good"]) as client:
        client.send(_SSL_REQUEST)
        assert client.read(1) == b"S"
        with context.wrap_socket(client.socket, suppress_ragged_eofs=False) as tls:
            tls.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert b"C08P01\0Minvalid length of startup packet" in tls.recv(1000)
            assert tls.recv(1) == b""  # with TLS's own goodbye, else this raises


@pytest.mark.parametrize("said", [b"", b"\0", startup(user="good")[:-1]])
def test_a_client_that_stops_talking(proxy: Keyless, said: bytes) -> None:
    with Wire(proxy.places["good"]) as client:
        client.send(said)
        with pytest.raises(Refused, match=r"08P01 the client did not .* startup within 0\.5 s"):
            client.receive()
        assert client.is_closed()


@pytest.mark.parametrize("said", [b"", b"\0\0", _SSL_REQUEST, startup(user="good")])
def test_a_client_gone_in_mid_handshake(proxy: Keyless, said: bytes) -> None:
    for _ in range(20):
        with Wire(proxy.places["good"]) as client:
            client.send(said)


_ROLES = {
    "no_key": ("08006", "the secret has no key 'pasword'; its keys are: password"),
    "no_secret": ("08006", "missing"),
    "not_json": ("08006", "KEYLESS_TEST_SECRET_TEXT"),
    "no_variable": ("08006", "KEYLESS_TEST_SECRET_NONE"),
    "wrong_password": ("28000", '28P01 password authentication failed for user "scram_user"'),
    "tls_not_offered": ("08006", "does not offer TLS"),
    "down": ("08006", "Connection refused"),
    "silent": ("08006", "did not answer within 0.5 s"),
    "no_name": ("08006", "no-such-host.invalid:5"),
    "bad_port": ("08006", "PORT is not a port; write a number from 1 to 65535"),
}


@pytest.mark.parametrize("name", _ROLES)
def test_a_role_that_does_not_work(proxy: Keyless, name: str) -> None:
    code, detail = _ROLES[name]
    audit = proxy.audit()
    refused = refusal(proxy.places[name], name)
    assert refused.code == code
    assert f'role "{name}"' in refused.sentence
    for inner in ("scram_user", "secret/data", "KEYLESS_TEST", "127.0.0.1", "pasword"):
        assert inner not in refused.sentence
    denied = audit.one("session.denied", role=name)
    assert denied["sentence"] == refused.sentence
    told = denied["detail"] or denied["sentence"]
    if name != "no_name":
        assert detail in told
    assert f"role {name}: {told}" in proxy.log


def test_a_provider_that_is_down(artefacts: Path, latest_postgres: EmbeddedPostgres) -> None:
    with refusing_address() as closed:
        text = "[timeouts]\nsecret = 0.5\n"
        text += role("app", latest_postgres, PASS=_VAULT.format("password"))
        text += role("other", latest_postgres)
        vault = {"VAULT_ADDR": f"http://{closed}", "VAULT_TOKEN": "a token"}
        with Keyless(artefacts / "provider-down", text, vault) as running:
            refused = refusal(running.places["app"], "app")
            with Wire(running.places["other"]).log_in("other") as other:
                assert other.query("SELECT 1") == [b"1"]
    assert refused.code == "08006"
    assert refused.sentence == 'the secrets of role "app" cannot be read now; try again'


def test_a_message_that_claims_less_than_its_own_length(proxy: Keyless) -> None:
    with Wire(proxy.places["good"]).log_in("good") as client:
        client.send(b"Q" + struct.pack(">i", 3) + b"SELECT 1\0")
        with pytest.raises(Refused, match="08P01 invalid message length"):
            client.until(b"Z")
        assert client.is_closed()


def test_a_message_of_no_known_type(proxy: Keyless) -> None:
    """That is for upstream to judge: it knows more of its protocol than we do."""
    with Wire(proxy.places["good"]).log_in("good") as client:
        client.send(message(b"?", b"what"))
        with pytest.raises(Refused, match="08P01 invalid frontend message type"):
            client.until(b"Z")
        assert client.is_closed()


def test_upstream_gone_in_mid_query(latest_postgres: EmbeddedPostgres, artefacts: Path) -> None:
    with Gate(latest_postgres.port) as gate:
        text = role("gated", gate.port)
        with Keyless(artefacts / "gone", text) as running:
            with Wire(running.places["gated"]).log_in("gated") as client:
                client.send(query("SELECT pg_sleep(60)"))
                gate.cut()
                with pytest.raises(Refused) as raised:
                    client.until(b"Z")
                assert client.is_closed()
            assert raised.value.code == "08006"
            with Wire(running.places["gated"]).log_in("gated") as another:
                assert another.query("SELECT 1") == [b"1"]


def test_upstream_is_no_postgres(artefacts: Path) -> None:
    with OneAnswer("400 Bad Request") as web:
        text = role("web", _port(web.place))
        with Keyless(artefacts / "web", text) as running:
            refused = refusal(running.places["web"], "web")
    assert refused.code == "08006"
    assert refused.sentence == ('upstream of role "web" does not speak PostgreSQL\'s protocol')


def test_what_a_client_says_stays_one_line_of_the_log(proxy: Keyless) -> None:
    forged = "x\n2026-01-01 00:00:00,000 ERROR keyless.session: forged"
    refusal(proxy.places["good"], "good", database=forged)
    assert r"x\n2026-01-01 00:00:00,000 ERROR" in proxy.log
    assert not any(line.startswith("2026-01-01") for line in proxy.log.splitlines())
