"""A provider in trouble: its role's clients are refused in time and are told no more than that, the
operator is told what it is, and roles with another provider go on as if nothing were.
"""

import json
import select
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from proxy.demo.openbao import OpenBao
from proxy.demo.postgres import EmbeddedPostgres
from tests.end_to_end.conftest import StartKeyless
from tests.end_to_end.programs import run
from tests.keyless import COMMAND, Keyless, environment, role
from tests.providers.vaults import as_root, with_app_role, write
from tests.secrecy import CANARY
from tests.servers.misbehaving import OneAnswer, refusing_address, silent_listener
from tests.servers.moto_aws import REGION, MotoAws
from tests.wire import Refused, Wire, refusal, startup

_MIB = 1 << 20
_SLACK = 2.0  # seconds that a busy machine may take beyond a deadline
_VAULT = "_vaultkv2:secret/data/app/outage:password"
_AWS = "_aws:outage:password"
_RETRY, _TELL = "try again", "tell its operator"


@contextmanager
def answering(status: str, body: bytes = b"", drip: float = 0) -> Iterator[str]:
    with OneAnswer(status, body, drip=drip) as server:
        yield server.place


def error(kind: str) -> bytes:
    return json.dumps({"__type": kind, "message": "said by AWS"}).encode()


@dataclass(frozen=True)
class Trouble:
    """What stands where the provider should be, and what becomes of it."""

    provider: str
    server: Callable[[], AbstractContextManager[str]]
    detail: str
    advice: str = _RETRY
    seconds: float = 1.0  # timeouts.secret
    lasting: bool = False  # until that time is over


_TROUBLES = {
    "vault refuses connections": Trouble("vault", refusing_address, "Connection refused"),
    "vault is silent": Trouble("vault", silent_listener, "timed out", lasting=True),
    "vault takes 10 s": Trouble(
        "vault", lambda: answering("200 OK", drip=0.2), "no answer within 1 s", lasting=True
    ),
    "vault fails": Trouble("vault", lambda: answering("500 Oh"), "answered 500"),
    "vault is too busy": Trouble("vault", lambda: answering("429 Later"), "answered 429"),
    "vault talks nonsense": Trouble(
        "vault",
        lambda: answering("200 OK", b"<html>Log in to the hotel's network</html>"),
        "what came is not a JSON object); check VAULT_ADDR",
        _TELL,
    ),
    "vault talks without end": Trouble(
        "vault", lambda: answering("200 OK", b" " * _MIB + b"{}"), "larger than 1048576", _TELL
    ),
    "vault does not know us": Trouble(
        "vault", lambda: answering("403 No", b'{"errors": ["no"]}'), "no longer valid", _TELL
    ),
    "aws refuses connections": Trouble(
        "aws", refusing_address, "cannot be reached to read outage", seconds=5
    ),
    "aws is silent": Trouble("aws", silent_listener, "no answer within 1 s", lasting=True),
    "aws takes 10 s": Trouble(
        "aws", lambda: answering("200 OK", drip=0.2), "no answer within 1 s", lasting=True
    ),
    "aws fails": Trouble("aws", lambda: answering("500 Oh"), "AWS answered 500", seconds=5),
    "aws is too busy": Trouble(
        "aws",
        lambda: answering("400 Bad Request", error("ThrottlingException")),
        "AWS answered ThrottlingException",
        seconds=5,
    ),
    "aws talks nonsense": Trouble(
        "aws",
        lambda: answering("200 OK", b"<html>Log in to the hotel's network</html>"),
        "is not AWS Secrets Manager; check AWS_ENDPOINT_URL",
        _TELL,
        seconds=5,
    ),
    "aws's token has expired": Trouble(
        "aws",
        lambda: answering("400 Bad Request", error("ExpiredTokenException")),
        "AWS answered ExpiredTokenException to GetSecretValue for outage; check the credentials",
        _TELL,
        seconds=5,
    ),
}


@pytest.mark.parametrize("name", _TROUBLES)
def test_a_provider_in_trouble(
    name: str, latest_postgres: EmbeddedPostgres, start_keyless: StartKeyless
) -> None:
    trouble = _TROUBLES[name]
    reference = _VAULT if trouble.provider == "vault" else _AWS
    text = f"[timeouts]\nsecret = {trouble.seconds}\n"
    text += role("troubled", latest_postgres, PASS=reference) + role("other", latest_postgres)
    with trouble.server() as place:
        keyless = start_keyless(text, at(place))
        audit = keyless.audit()
        with Wire(keyless.places["troubled"]) as client:
            begun = time.monotonic()
            client.send(startup(user="troubled"))
            others_are_served(keyless)
            if trouble.lasting:
                assert not select.select([client.socket], [], [], 0)[0], "it was refused before"
            with pytest.raises(Refused) as raised:
                client.receive()
            seconds = time.monotonic() - begun
    assert seconds < trouble.seconds + _SLACK
    assert str(raised.value) == f"08006 {sentence('troubled', trouble.advice)}"
    detail = audit.one("session.denied")["detail"]
    assert trouble.detail in detail
    assert detail in keyless.log
    (read,) = (read for read in audit.events("secret.read") if read["provider"] != "envjson")
    assert read["error"] in detail


def at(place: str) -> dict[str, str]:
    """Settings of both providers."""
    return {
        "VAULT_ADDR": f"http://{place}",
        "VAULT_TOKEN": "a token",
        "AWS_ENDPOINT_URL": f"http://{place}",
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "a-key-that-moto-does-not-check",
        "AWS_SECRET_ACCESS_KEY": "nor-this",
    }


def sentence(name: str, advice: str) -> str:
    return f'the secrets of role "{name}" cannot be read now; {advice}'


def others_are_served(keyless: Keyless) -> None:
    for _ in range(3):
        begun = time.monotonic()
        with Wire(keyless.places["other"]).log_in("other") as session:
            assert session.query("SELECT 1") == [b"1"]
        assert time.monotonic() - begun < 0.9, "another provider's trouble holds it up"


def test_a_token_that_is_revoked_in_mid_life(
    openbao: OpenBao, latest_postgres: EmbeddedPostgres, start_keyless: StartKeyless
) -> None:
    write(openbao, "app/outage", {"password": CANARY})
    tokens = openbao.client.auth.token
    token = tokens.create(policies=["root"])["auth"]["client_token"]
    text = role("app", latest_postgres, PASS=_VAULT) + role("other", latest_postgres)
    keyless = start_keyless(text, as_root(openbao, VAULT_TOKEN=token))
    with Wire(keyless.places["app"]).log_in("app") as before:
        tokens.revoke(token)
        refused = refusal(keyless.places["app"], "app")
        assert (refused.code, refused.sentence) == ("08006", sentence("app", _TELL))
        assert before.query("SELECT 1") == [b"1"]
    assert "does not let us read secret/data/app/outage (status 403" in keyless.log
    others_are_served(keyless)


def test_a_login_that_is_revoked_is_made_again(
    openbao: OpenBao, latest_postgres: EmbeddedPostgres, start_keyless: StartKeyless
) -> None:
    write(openbao, "app/outage", {"password": CANARY})
    settings = with_app_role(openbao)
    keyless = start_keyless(role("app", latest_postgres, PASS=_VAULT), settings)
    for _ in range(2):
        with Wire(keyless.places["app"]).log_in("app") as session:
            assert session.query("SELECT 1") == [b"1"]
        revoke_all_of_app_role(openbao)


def revoke_all_of_app_role(openbao: OpenBao) -> None:
    tokens = openbao.client.auth.token
    for accessor in tokens.list_accessors()["data"]["keys"]:
        if tokens.lookup_accessor(accessor)["data"]["path"] == "auth/approle/login":
            tokens.revoke_accessor(accessor)


@pytest.fixture
def unusable(moto_aws: MotoAws, openbao: OpenBao, tmp_path: Path) -> Mapping[str, str]:
    """References to secrets that are there and cannot be used, each with what is said of it."""
    large = CANARY * (_MIB // len(CANARY) + 1)
    (tmp_path / "text").write_text(CANARY)
    (tmp_path / "large").write_text(json.dumps({"password": large}))
    moto_aws.client("secretsmanager").create_secret(Name="outage-text", SecretString=CANARY)
    write(openbao, "app/large", {"password": large})
    return {
        f"_file:{tmp_path}/text:password": "the secret is not JSON; write _file:",
        f"_file:{tmp_path}/large:password": f"{tmp_path}/large is larger than 1048576 bytes",
        "_aws:outage-text:password": "the secret is not JSON; write _aws:outage-text without a key",
        "_vaultkv2:secret/data/app/large:password": "Vault's answer is larger than 1048576 bytes",
    }


def test_a_secret_that_cannot_be_used(
    unusable: Mapping[str, str],
    moto_aws: MotoAws,
    openbao: OpenBao,
    latest_postgres: EmbeddedPostgres,
    start_keyless: StartKeyless,
) -> None:
    names = [f"role{number}" for number in range(len(unusable))]
    roles = (
        role(name, latest_postgres, PASS=reference)
        for name, reference in zip(names, unusable, strict=True)
    )
    settings = at(moto_aws.url.removeprefix("http://")) | as_root(openbao)
    keyless = start_keyless("".join(roles) + role("other", latest_postgres), settings)
    audit = keyless.audit()
    for name, detail in zip(names, unusable.values(), strict=True):
        refused = refusal(keyless.places[name], name)
        assert (refused.code, refused.sentence) == ("08006", sentence(name, _TELL))
        assert detail in audit.one("session.denied", role=name)["detail"]
    others_are_served(keyless)


def test_the_largest_password_that_may_be(
    tmp_path: Path, latest_postgres: EmbeddedPostgres, start_keyless: StartKeyless
) -> None:
    """It is nobody's, and holds nobody up."""
    (tmp_path / "largest").write_text((CANARY * _MIB)[:_MIB])
    text = role("largest", latest_postgres, PASS=f"_file:{tmp_path}/largest")
    text = "[secrets]\nrotation_wait = 0.5\n" + text + role("other", latest_postgres)
    keyless = start_keyless(text)
    with Wire(keyless.places["largest"]) as client:
        client.send(startup(user="largest"))
        others_are_served(keyless)
        with pytest.raises(Refused, match=r"28000 upstream of role .* refused the login"):
            client.receive()


_TYPOS = {
    "_vaultkv:secret/data/app:password": "did you mean _vaultkv2:?",
    "_vault-kv2:secret/data/app:password": "did you mean _vaultkv2:?",
    "_vaultkv2:secret/data/app": "names no key; write _PROVIDER:SECRET:KEY",
    "_vaultkv2:secret/data/app?version=latest:password": "may end in ?version=N",
    "_vaultdb:app:password": "names no path in a mount",
    "_aws": "begins with '_' and is not a secret reference",
    "_aws:arn:aws:secretsmanager:outage:password": "names no secret",
    "_file:secret": "names no file",
}


@pytest.mark.parametrize("reference", _TYPOS)
def test_a_typo_in_a_reference_stops_the_start(
    reference: str, latest_postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    file = tmp_path / "keyless.toml"
    file.write_text(role("good", latest_postgres) + role("app", latest_postgres, PASS=reference))
    done = run(COMMAND, "serve", "--config", str(file), environment=environment())
    assert done.returncode == 2
    assert "nothing was started" in done.stderr
    (told,) = (line for line in done.stderr.splitlines() if "roles." in line)
    assert told.startswith("  roles.app.env.PASS: ")
    assert _TYPOS[reference] in told
