"""Every plugin's exchange over scripted bytes, and what a server may not have us do."""

import hashlib
from collections.abc import Sequence
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.api import Tls, UnixEndpoint
from protocols.errors import LoginRejected, Reason, Refusal, ServerProtocolError
from protocols.mysql import ed25519
from protocols.mysql.authentication import authenticate
from protocols.mysql.capabilities import Capability
from protocols.mysql.greeting import Greeting
from protocols.mysql.login import MysqlLogin, MysqlOptions
from protocols.mysql.messages import HandshakeResponse
from protocols.mysql.upstream import Upstream
from tests.protocols.mysql.server import (
    CLIENT,
    FAST,
    FULL,
    LENENC,
    NATIVE,
    NONCE,
    SCRAMBLE,
    SHA2,
    Said,
    Script,
    error,
    greeting,
    native_answer,
    nonce,
    numbered,
    ok,
    packet,
    packets,
    role,
    sha2_answer,
    switch,
)
from tests.protocols.script import UNVERIFIED, VERIFIED
from tests.secrecy import CANARY

_KEY = rsa.generate_private_key(65_537, 2048)
_PEM = _KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
_OAEP = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
_PASSWORD = CANARY.encode()
_OTHER = b"another_twenty_bytes"
_LONG = b"a scramble of thirty two bytes.."
_TRUSTING = MysqlOptions(allow_public_key_retrieval=True)
_SOCKET = UnixEndpoint("/run/mysqld/mysqld.sock")


class _Login:
    """One run of `authenticate`: what upstream says after its greeting, and what it is told."""

    def __init__(
        self,
        *turns: bytes,
        plugin: str = SHA2,
        tls: Tls | None = None,
        login: MysqlLogin | None = None,
        cut: int = 1 << 20,
        capabilities: int = CLIENT,
        scramble: bytes = SCRAMBLE,
    ) -> None:
        self._upstream = Upstream(login or role())
        self._upstream.tls = tls
        self._upstream.greeting = Greeting.decode(greeting(plugin=plugin, scramble=scramble))
        self._upstream.exchange.sequence = 1
        self._capabilities = Capability(capabilities)
        self.script = Script(servers=[turns], cut=cut)
        self.script.connect()
        self.script.upstream.waits = True

    def run(self) -> tuple[str, bytes]:
        response = HandshakeResponse(
            capabilities=self._capabilities, max_packet_size=1, charset=45, user="u"
        )
        return self.script.run(authenticate(self._upstream, response, nonce))

    def refused(self) -> Refusal:
        with pytest.raises(Refusal) as caught:
            self.run()
        return caught.value

    @property
    def said(self) -> list[bytes]:
        """Each answer, without the login packet around the first."""
        first, *others = packets(self.script.upstream.received)
        assert first[0] == 1
        return [Said.decode(first[1]).answer, *(payload for _, payload in others)]

    @property
    def plugin(self) -> str:
        """What the login packet names."""
        _, payload = packets(self.script.upstream.received)[0]
        return Said.decode(payload).rest.rstrip(b"\0").decode()


def test_native(cut: int) -> None:
    login = _Login(packet(2, ok()), plugin=NATIVE, cut=cut)
    assert login.run() == (NATIVE, ok())
    assert (login.plugin, login.said) == (NATIVE, [native_answer()])


@pytest.mark.parametrize("after", [(FAST, ok()), (ok(),)])
def test_caching_sha2_where_the_server_remembers(cut: int, after: Sequence[bytes]) -> None:
    login = _Login(numbered(2, *after), cut=cut)
    assert login.run() == (SHA2, ok())
    assert (login.plugin, login.said) == (SHA2, [sha2_answer()])


@pytest.mark.parametrize(
    ("tls", "settings"),
    [(VERIFIED, {}), (UNVERIFIED, {}), (None, {"endpoint": _SOCKET})],
)
def test_caching_sha2_tells_the_password_where_nobody_can_read_it(
    cut: int, tls: Tls | None, settings: dict[str, Any]
) -> None:
    login = _Login(packet(2, FULL), packet(4, ok()), tls=tls, login=role(**settings), cut=cut)
    assert login.run() == (SHA2, ok())
    assert login.said == [sha2_answer(), _PASSWORD + b"\0"]


def _decrypt(answer: bytes, scramble: bytes = SCRAMBLE) -> bytes:
    plain = _KEY.decrypt(answer, _OAEP)
    return bytes(byte ^ scramble[i % 20] for i, byte in enumerate(plain))


def test_caching_sha2_encrypts_it_by_a_key_that_is_known(cut: int) -> None:
    known = role(public_key=_PEM.decode())
    login = _Login(packet(2, FULL), packet(4, ok()), login=known, cut=cut)
    assert login.run() == (SHA2, ok())
    assert login.said[0] == sha2_answer()
    assert _decrypt(login.said[1]) == _PASSWORD + b"\0"


def test_caching_sha2_asks_for_the_key_where_the_role_trusts_it(cut: int) -> None:
    turns = packet(2, FULL), packet(4, b"\1" + _PEM), packet(6, ok())
    login = _Login(*turns, login=role(options=_TRUSTING), cut=cut)
    assert login.run() == (SHA2, ok())
    assert login.said[:2] == [sha2_answer(), b"\2"]
    assert _decrypt(login.said[2]) == _PASSWORD + b"\0"


def test_sha256_tells_the_password_under_tls(cut: int) -> None:
    login = _Login(packet(2, ok()), plugin="sha256_password", tls=VERIFIED, cut=cut)
    assert login.run() == ("sha256_password", ok())
    assert login.said == [_PASSWORD + b"\0"]


def test_sha256_encrypts_it_otherwise(cut: int) -> None:
    known = role(public_key=_PEM.decode(), endpoint=_SOCKET)
    login = _Login(packet(2, ok()), plugin="sha256_password", login=known, cut=cut)
    login.run()
    assert _decrypt(login.said[0]) == _PASSWORD + b"\0"


def test_sha256_asks_for_the_key_where_the_role_trusts_it(cut: int) -> None:
    turns = packet(2, switch("sha256_password")), packet(4, b"\1" + _PEM), packet(6, ok())
    login = _Login(*turns, login=role(options=_TRUSTING), cut=cut)
    assert login.run() == ("sha256_password", ok())
    assert login.said[:2] == [sha2_answer(), b"\1"]
    assert _decrypt(login.said[2]) == _PASSWORD + b"\0"


def test_clear_over_verified_tls(cut: int) -> None:
    turns = packet(2, switch("mysql_clear_password", b"")), packet(4, ok())
    login = _Login(*turns, tls=VERIFIED, cut=cut)
    assert login.run() == ("mysql_clear_password", ok())
    assert login.said == [sha2_answer(), _PASSWORD + b"\0"]


def test_ed25519_signs_the_scramble(cut: int) -> None:
    turns = packet(2, switch("client_ed25519", _LONG)), packet(4, ok())
    login = _Login(*turns, plugin=NATIVE, cut=cut)
    assert login.run() == ("client_ed25519", ok())
    assert login.said == [native_answer(), ed25519.sign(_PASSWORD, _LONG)]


@pytest.mark.parametrize("mark", [b"", b"\1"])
def test_parsec_signs_both_scrambles(cut: int, mark: bytes) -> None:
    salt = b"eighteen bytes of."
    told = packet(4, mark + b"P\1" + salt)
    login = _Login(packet(2, switch("parsec", _LONG)), told, packet(6, ok()), cut=cut)
    assert login.run() == ("parsec", ok())
    _, empty, answer = login.said
    assert empty == b""
    ours, proof = answer[:32], answer[32:]
    assert ours == (NONCE + NONCE)[:32]
    seed = hashlib.pbkdf2_hmac("sha512", _PASSWORD, salt, 2048, 32)
    Ed25519PrivateKey.from_private_bytes(seed).public_key().verify(proof, _LONG + ours)


def test_no_password_is_told_as_such(cut: int) -> None:
    nobody = role(password="")
    assert _Login(packet(2, ok()), plugin=NATIVE, login=nobody, cut=cut).run() == (NATIVE, ok())
    for plugin in (SHA2, "sha256_password"):
        login = _Login(packet(2, ok()), plugin=plugin, login=nobody, cut=cut)
        login.run()
        assert login.said == [b"\0"]


# -- switches -------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [_OTHER, _OTHER + b"\0"])
def test_after_a_switch_the_newest_scramble_counts(cut: int, data: bytes) -> None:
    turns = packet(2, switch(NATIVE, data)), packet(4, switch(SHA2)), numbered(6, FAST, ok())
    login = _Login(*turns, cut=cut)
    assert login.run() == (SHA2, ok())
    assert login.said == [sha2_answer(), native_answer(_OTHER), sha2_answer()]


def test_a_greeting_may_name_a_plugin_that_nobody_needs(cut: int) -> None:
    turns = packet(2, switch(SHA2, _OTHER)), numbered(4, FAST, ok())
    login = _Login(*turns, plugin="auth_gssapi_client", cut=cut)
    assert login.run() == (SHA2, ok())
    assert (login.plugin, login.said) == (NATIVE, [native_answer(), sha2_answer(_OTHER)])


def test_a_server_that_names_no_plugin_means_the_native_one() -> None:
    login = _Login(packet(2, ok()), plugin="")
    assert login.run() == (NATIVE, ok())


def test_switches_have_an_end() -> None:
    turns = [packet(2 + 2 * i, switch(NATIVE)) for i in range(50)]
    login = _Login(*turns, plugin=NATIVE)
    assert "one authentication after another" in str(login.refused())
    assert len(login.said) == 8


# -- what is not done -----------------------------------------------------------------------------


@pytest.mark.parametrize("tls", [None, UNVERIFIED])
def test_no_password_in_clear_text_to_who_has_not_proven_itself(tls: Tls | None) -> None:
    for endpoint in (role().endpoint, _SOCKET):
        asked = packet(2, switch("mysql_clear_password", b""))
        login = _Login(asked, tls=tls, login=role(endpoint=endpoint))
        refusal = login.refused()
        assert refusal.reason is Reason.UPSTREAM_INSECURE
        assert "SSLMODE to verify-full" in str(refusal)
        assert login.said == [sha2_answer()]


@pytest.mark.parametrize("plugin", [SHA2, "sha256_password"])
def test_no_password_by_a_key_that_anybody_may_have_sent(plugin: str) -> None:
    turns = packet(2, switch(plugin)), packet(4, FULL)
    login = _Login(*turns, plugin=NATIVE)
    refusal = login.refused()
    assert refusal.reason is Reason.UPSTREAM_INSECURE
    assert "SERVER_PUBLIC_KEY" in str(refusal)
    assert login.said == [native_answer(), *([sha2_answer()] if plugin == SHA2 else [])]


def test_the_old_passwords_are_refused(cut: int) -> None:
    refusal = _Login(packet(2, b"\xfe"), cut=cut).refused()
    assert refusal.reason is Reason.UPSTREAM_INSECURE
    assert "mysql_old_password" in str(refusal)


@pytest.mark.parametrize(
    ("plugin", "told"),
    [
        ("dialog", "asks for 'dialog', which is not supported"),
        ("mysql_old_password", "asks for 'mysql_old_password', which is not supported"),
        ("x" * 100, f"asks for '{'x' * 64}', which"),
        ("lüge\n", r"asks for 'l?ge\n', which"),
    ],
)
def test_a_plugin_that_is_not_known_is_refused(plugin: str, told: str) -> None:
    refusal = _Login(packet(2, switch(plugin))).refused()
    assert refusal.reason is Reason.UPSTREAM_INSECURE
    assert told in str(refusal)


def test_a_password_that_does_not_fit_the_key_is_refused() -> None:
    long = role(password="x" * 300, public_key=_PEM.decode())
    refusal = _Login(packet(2, FULL), login=long).refused()
    assert refusal.reason is Reason.UPSTREAM_INSECURE
    assert "too long for the server's RSA key" in str(refusal)


def test_an_answer_that_an_old_server_cannot_read_is_not_sent() -> None:
    login = _Login(
        plugin="mysql_clear_password",
        tls=VERIFIED,
        login=role(password="t" * 300),
        capabilities=CLIENT & ~LENENC,
    )
    assert "too long for so old a server" in str(login.refused())
    assert login.script.upstream.received == b""


# -- servers that are not in order ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("turns", "why"),
    [
        ([packet(2, b"\1\5")], "what caching_sha2_password does not know"),
        ([packet(2, b"\1")], "says nothing"),
        ([packet(2, b"")], "says nothing"),
        ([numbered(2, FAST, FAST)], "asks for more than caching_sha2_password has to say"),
        ([numbered(2, FAST, b"\2second_factor\0")], "asks for more than"),
        ([packet(2, switch(NATIVE)), packet(4, b"\1more")], "asks for more than mysql_native"),
        ([packet(2, switch(NATIVE, b"short"))], "a scramble of 5 bytes"),
        ([packet(2, switch(NATIVE, b"x" * 32))], "a scramble of 32 bytes"),
        ([packet(2, switch("client_ed25519"))], "a scramble of 21 bytes"),
        ([packet(2, switch("parsec", _LONG)), packet(4, b"\1P\0short")], "is not parsec's"),
        ([packet(2, switch("parsec", _LONG)), packet(4, ok())], "is not parsec's"),
        ([packet(2, b"\xfeno_end")], "does not end"),
        ([packet(2, FULL), packet(4, b"\1no key")], "is not an RSA public key"),
        ([packet(2, FULL), packet(4, ok())], "is not an RSA public key"),
    ],
)
def test_a_server_that_breaks_the_protocol_is_left(turns: list[bytes], why: str) -> None:
    login = _Login(*turns, login=role(options=_TRUSTING))
    refusal = login.refused()
    assert isinstance(refusal, ServerProtocolError)
    assert refusal.reason is Reason.UPSTREAM_BROKEN
    assert why in str(refusal)


@pytest.mark.parametrize("scramble", [b"x" * 8, b"x" * 19, b"x" * 21])
def test_a_greetings_scramble_has_twenty_bytes(scramble: bytes) -> None:
    assert "a scramble of" in str(_Login(scramble=scramble).refused())


@pytest.mark.parametrize("before", [[], [packet(2, switch(NATIVE))], [packet(2, FULL)]])
def test_the_server_may_refuse_at_any_time(cut: int, before: list[bytes]) -> None:
    denied = packet(2 + 2 * len(before), error(1045, "Access denied", "28000"))
    login = _Login(*before, denied, tls=VERIFIED, cut=cut)
    assert isinstance(login.refused(), LoginRejected)
