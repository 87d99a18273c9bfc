"""SCRAM-SHA-256 against RFC 7677's example, a server of its own, and what PostgreSQL stores."""

import hashlib
import hmac
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.postgres.scram import Binding, Challenge, Keys, ScramClient, ScramError, derive
from proxy.demo.postgres import EmbeddedPostgres
from tests.protocols.postgres.server import NONCE, ScramServer
from tests.secrecy import CANARY, canary

_OURS = b64encode(NONCE).decode()
_SALT = "c2l4dGVlbiBieXRlcy4uLg=="
_MOST = 100_000


def _client(nonce: bytes = NONCE) -> ScramClient:
    return ScramClient(nonce, Binding(), _MOST)


def _final(client: ScramClient, server: ScramServer, password: str) -> tuple[bytes, Keys]:
    challenge = client.challenge(server.first)
    keys = derive(password, challenge)
    return client.final(challenge, keys), keys


def test_keys_are_those_of_rfc_7677() -> None:
    first = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    client = _client(b64decode("rOprNGfwEbeRWgbNEkqO"))
    assert client.first() == b"n,,n=,r=rOprNGfwEbeRWgbNEkqO"
    keys = derive("pencil", client.challenge(first.encode()))
    # The example's client says a user name, and PostgreSQL's clients none: so we sign in its stead.
    nonce = first.partition(",")[0]
    signed = f"n=user,r=rOprNGfwEbeRWgbNEkqO,{first},c=biws,{nonce}".encode()
    signature = hmac.digest(hashlib.sha256(keys.client).digest(), signed, "sha256")
    proof = bytes(a ^ b for a, b in zip(keys.client, signature, strict=True))
    assert b64encode(proof) == b"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    verifier = b64encode(hmac.digest(keys.server, signed, "sha256"))
    assert verifier == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


# Assigned in Unicode 3.2, left to right and in normal form: saslprep changes nothing.
_passwords = st.text("abcXYZ 019,=%'\"\\äöüßéñжкяαβγ日本語中文字", min_size=1, max_size=40)


@given(_passwords, st.binary(min_size=1, max_size=64), st.integers(1, 20), st.binary(min_size=1))
def test_an_independent_server_accepts_the_proof(
    password: str, salt: bytes, iterations: int, nonce: bytes
) -> None:
    server = ScramServer(
        password.encode(), salt=salt, iterations=iterations, client_nonce=nonce[:64]
    )
    client = _client(nonce[:64])
    final, keys = _final(client, server, password)
    assert server.accepts(final)
    client.verify(server.final, keys)


@given(_passwords, _passwords)
def test_another_password_proves_nothing(password: str, other: str) -> None:
    server = ScramServer(password.encode())
    client = _client()
    final, keys = _final(client, server, other)
    assert server.accepts(final) == (password == other)
    if password != other:
        with pytest.raises(ScramError, match="could not prove that it knows the password"):
            client.verify(server.final, keys)


@pytest.mark.parametrize(
    "first",
    [
        "",
        f"r={_OURS}x,s={_SALT}",
        f"s={_SALT},r={_OURS}x,i=1",
        f"r={_OURS}x,i=1,s={_SALT}",
        f"r={_OURS}x,s={_SALT},i=1,x=y",
        f"m=y,r={_OURS}x,s={_SALT},i=1",
        f"r={_OURS}x,s={_SALT},i=1,",
        f"r={_OURS}x,s={_SALT},i=",
        f"r={_OURS}x,s={_SALT},i=many",
        f"r={_OURS}x,s={_SALT},i=1.5",
        f"r={_OURS}x,s={_SALT},i={'9' * 5_000}",
        f"r={_OURS}x,s=!!!!,i=1",
        f"r={_OURS}x,s={_SALT[:-1]},i=1",
        f"r={_OURS}é,s={_SALT},i=1",
        f"R={_OURS}x,S={_SALT},I=1",
        "e=other-error",
    ],
)
def test_a_malformed_first_message_ends_the_login(first: str) -> None:
    with pytest.raises(ScramError, match="its first SCRAM message is malformed"):
        _client().challenge(first.encode())


@pytest.mark.parametrize(
    ("nonce", "salt", "iterations", "why"),
    [
        (_OURS, _SALT, 1, "nonce does not extend ours"),
        ("", _SALT, 1, "nonce does not extend ours"),
        (_OURS[:-1] + "x", _SALT, 1, "nonce does not extend ours"),
        ("x" + _OURS, _SALT, 1, "nonce does not extend ours"),
        (_OURS + "x" * 1_024, _SALT, 1, "no acceptable length"),
        (_OURS + "x", "", 1, "no acceptable length"),
        (_OURS + "x", b64encode(bytes(1_025)).decode(), 1, "no acceptable length"),
        (_OURS + "x", _SALT, 0, "asks for 0 SCRAM iterations"),
        (_OURS + "x", _SALT, -1, "asks for -1 SCRAM iterations"),
        (_OURS + "x", _SALT, _MOST + 1, "asks for 100001 SCRAM iterations"),
    ],
)
def test_a_first_message_out_of_bounds_ends_the_login(
    nonce: str, salt: str, iterations: int, why: str
) -> None:
    with pytest.raises(ScramError, match=why):
        _client().challenge(f"r={nonce},s={salt},i={iterations}".encode())


@pytest.mark.parametrize("iterations", [1, 4_096, _MOST])
def test_iterations_within_bounds_are_accepted(iterations: int) -> None:
    first = f"r={_OURS}x,s={_SALT},i={iterations}"
    expected = Challenge(first, f"{_OURS}x", b"sixteen bytes...", iterations)
    assert _client().challenge(first.encode()) == expected


@pytest.mark.parametrize(
    ("final", "why"),
    [
        (b"", "malformed"),
        (b"v=!!!!", "malformed"),
        (b"v=\xff", "malformed"),
        (b"e=invalid-proof", "malformed"),
        (b"x=y,v=AAAA", "malformed"),
        (b"v=", "could not prove"),
        (b"v=AAAA", "could not prove"),
    ],
)
def test_a_wrong_final_message_ends_the_login(final: bytes, why: str) -> None:
    server, client = ScramServer(), _client()
    _, keys = _final(client, server, CANARY)
    with pytest.raises(ScramError, match=why):
        client.verify(final, keys)
    with pytest.raises(ScramError, match="malformed"):
        client.verify(server.final + b",x=y", keys)


@pytest.mark.parametrize(
    "suffix",
    [
        "",
        "ä\u00adö\u00a0ü",
        "e\u0301\ufb01\u2168",
        "\u0627\u0031",
        "\u0627\u0628",
        "\u200b",
        "\ufb01\ue000",
        "\ufb01\u0378",
        "\U0001f130",  # younger than Unicode 3.2, and an A by NFKC
        "\u0340",
        "\u2135",
        "\ufe70",
        "\U0002f868",
        "\u1e9b\u0323",
    ],
    ids=ascii,
)
def test_keys_are_those_that_postgresql_stores(
    latest_postgres: EmbeddedPostgres, suffix: str
) -> None:
    latest_postgres.execute(f"CREATE USER scram_test PASSWORD '{canary(suffix)}'")
    try:
        sql = "SELECT rolpassword FROM pg_authid WHERE rolname = 'scram_test'"
        stored = latest_postgres.execute(sql).strip()
    finally:
        latest_postgres.execute("DROP USER scram_test")
    _, cost, verifiers = stored.split("$")
    iterations, salt = cost.split(":")
    keys = derive(canary(suffix), Challenge("", "", b64decode(salt), int(iterations)))
    stored_key = b64encode(hashlib.sha256(keys.client).digest()).decode()
    ours = f"{stored_key}:{b64encode(keys.server).decode()}"
    assert ours == verifiers


def test_keys_are_in_no_repr() -> None:
    keys = derive(CANARY, Challenge("", "", b"salt", 1))
    assert repr(keys) == "Keys()"
