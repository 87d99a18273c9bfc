"""How the proxy logs in to upstream: by every sort of credential, where it knows the host key."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest
from asyncssh.auth import KbdIntChallenge, KbdIntResponse

from proxy.demo.openbao import OpenBao
from tests.end_to_end.conftest import StartKeyless
from tests.end_to_end.ssh import (
    PASSWORD,
    SECRET,
    Client,
    client,
    secrets,
    ssh_role,
    well,
)
from tests.keyless import Keyless
from tests.secrecy import CANARY, canary
from tests.servers.openssh import HOST, USER, OpenSsh, make_key, private_text, public_line

_KEYS = {
    "ed25519": ("ssh-ed25519", {}),
    "rsa": ("ssh-rsa", {"key_size": 2048}),
    "ecdsa-256": ("ecdsa-sha2-nistp256", {}),
    "ecdsa-384": ("ecdsa-sha2-nistp384", {}),
    "ecdsa-521": ("ecdsa-sha2-nistp521", {}),
}
_PASSPHRASE = f"_envjson:{SECRET}:passphrase"


def _method(keyless: Keyless, joe: Client) -> str:
    audit = keyless.audit()
    assert well(joe.run("echo $USER")) == "joe\n"
    return str(audit.one("session.start")["facts"]["method"])


def _refused(keyless: Keyless, joe: Client) -> tuple[str, str, str]:
    """What the client is told, and the operator."""
    audit = keyless.audit()
    done = joe.run("true")
    assert done.returncode == 255
    denied = audit.one("session.denied")
    assert denied["sentence"] in done.stderr.decode()
    return denied["reason"], denied["sentence"], denied["detail"]


@pytest.mark.parametrize("name", _KEYS)
@pytest.mark.parametrize("encrypted", [False, True])
def test_a_key(
    start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path, name: str, encrypted: bool
) -> None:
    algorithm, parameters = _KEYS[name]
    passphrase = CANARY if encrypted else None
    key = make_key(algorithm, **parameters)
    openssh.authorize(public_line(key))
    environment = secrets(
        openssh, private_key=private_text(key, passphrase), passphrase=passphrase or ""
    )
    more = {"PASSPHRASE": _PASSPHRASE} if passphrase else {}
    keyless = start_keyless(ssh_role("web", openssh, **more), environment)
    assert _method(keyless, client(keyless, "web", tmp_path)) == "publickey"


@pytest.mark.parametrize("form", ["pkcs8-pem", "pkcs1-pem"])
@pytest.mark.parametrize("change", [str.strip, lambda text: text.replace("\n", "\\n")])
def test_a_keys_other_forms(
    start_keyless: StartKeyless,
    openssh: OpenSsh,
    tmp_path: Path,
    form: str,
    change: "type[str]",
) -> None:
    """PEM of OpenSSL's sorts, without a last newline, or in one line with escapes."""
    key = make_key("ssh-rsa", key_size=2048)
    openssh.authorize(public_line(key))
    text = change(key.export_private_key(form).decode())
    keyless = start_keyless(ssh_role("web", openssh), secrets(openssh, private_key=text))
    assert _method(keyless, client(keyless, "web", tmp_path)) == "publickey"


def test_a_key_in_a_file_by_hoops_name(
    start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text(private_text(openssh.key))
    variables = {"PRIVATE_KEY": None, "AUTHORIZED_SERVER_KEYS": str(file)}
    keyless = start_keyless(ssh_role("web", openssh, **variables))
    assert _method(keyless, client(keyless, "web", tmp_path)) == "publickey"


def test_a_certificate(start_keyless: StartKeyless, tmp_path: Path) -> None:
    """The server knows the authority, and no key."""
    authority = asyncssh.generate_private_key("ssh-ed25519")
    trusted = tmp_path / "authority.pub"
    trusted.write_text(public_line(authority))
    with OpenSsh({"TrustedUserCAKeys": str(trusted)}) as server:
        server.set_authorized()
        certificate = authority.generate_user_certificate(server.key, "joe", principals=[USER])
        variable = f"_envjson:{SECRET}:certificate"
        environment = secrets(server, certificate=certificate.export_certificate().decode())
        keyless = start_keyless(ssh_role("web", server, CERTIFICATE=variable), environment)
        assert _method(keyless, client(keyless, "web", tmp_path)) == "certificate"


def test_a_certificate_that_vault_signs_for_each_session(
    openbao: OpenBao, start_keyless: StartKeyless, tmp_path: Path
) -> None:
    """There is no key that anybody could keep."""
    vault, made = openbao.client, f"_vaultssh:hosts/sign/web?valid_principals={USER}"
    vault.sys.enable_secrets_engine("ssh", path="hosts")
    authority = vault.write_data("hosts/config/ca", data={"generate_signing_key": True})
    role = {"key_type": "ca", "allow_user_certificates": True, "allowed_users": USER, "ttl": "1m"}
    vault.write_data("hosts/roles/web", data={**role, "default_extensions": {"permit-pty": ""}})
    trusted = tmp_path / "authority.pub"
    trusted.write_text(authority["data"]["public_key"])
    with OpenSsh({"TrustedUserCAKeys": str(trusted)}) as server:
        server.set_authorized()
        variables = {"PRIVATE_KEY": f"{made}:private_key", "CERTIFICATE": f"{made}:certificate"}
        environment = {"VAULT_ADDR": openbao.address, "VAULT_TOKEN": openbao.client.token}
        keyless = start_keyless(ssh_role("web", server, **variables), environment)
        joe, audit = client(keyless, "web", tmp_path), keyless.audit()
        assert _method(keyless, joe) == _method(keyless, joe) == "certificate"
        serials = {tuple(start["versions"]) for start in audit.wait("session.start", 2)}
    vault.sys.disable_secrets_engine("hosts")
    assert len(serials) == 2


def test_a_password(start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path) -> None:
    role = ssh_role("web", openssh, PRIVATE_KEY=None, PASS=PASSWORD)
    keyless = start_keyless(role, secrets(openssh))
    assert _method(keyless, client(keyless, "web", tmp_path)) == "password"


def test_a_key_that_is_refused_and_a_password(
    start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path
) -> None:
    environment = secrets(openssh, private_key=private_text(make_key()))
    keyless = start_keyless(ssh_role("web", openssh, PASS=PASSWORD), environment)
    assert _method(keyless, client(keyless, "web", tmp_path)) == "password"


class Questioner(asyncssh.SSHServer):
    """Lets in by keyboard-interactive alone, and asks in German."""

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return False

    def kbdint_auth_supported(self) -> bool:
        return True

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> KbdIntChallenge:
        return "", "", "", [("Passwort: ", False)]

    def validate_kbdint_response(self, username: str, responses: KbdIntResponse) -> bool:
        return list(responses) == [CANARY]


async def test_keyboard_interactive(
    start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path
) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.listen(
        HOST,
        0,
        server_host_keys=[key],
        server_factory=Questioner,
        process_factory=lambda process: (process.stdout.write("in\n"), process.exit(0)),
        config=None,
    )
    async with server:
        variables = {"PRIVATE_KEY": None, "PASS": PASSWORD, "KNOWN_HOSTS": public_line(key)}
        role = ssh_role("web", server.get_port(), **variables)
        keyless = await asyncio.to_thread(start_keyless, role, secrets(openssh))
        audit = keyless.audit()
        joe = client(keyless, "web", tmp_path)
        done = await asyncio.to_thread(joe.run, "anything")
        assert done.stdout == b"in\n"
        assert audit.one("session.start")["facts"]["method"] == "keyboard-interactive"


class Fickle(asyncssh.SSHServer):
    """Lets everybody in, and out again at once."""

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    def begin_auth(self, username: str) -> bool:
        return False

    def auth_completed(self) -> None:
        self._connection.close()


async def test_upstream_that_is_gone_as_soon_as_we_are_in(
    start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path
) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.listen(
        HOST, 0, server_host_keys=[key], server_factory=Fickle, config=None
    )
    async with server:
        role = ssh_role("web", server.get_port(), KNOWN_HOSTS=public_line(key))
        keyless = await asyncio.to_thread(start_keyless, role, secrets(openssh))
        done = await asyncio.to_thread(client(keyless, "web", tmp_path).run, "true")
    assert done.returncode == 255
    assert b'upstream of role "web" closed the connection' in done.stderr


def test_a_credential_that_is_refused(
    start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path
) -> None:
    role = ssh_role("web", openssh, PRIVATE_KEY=None, PASS=PASSWORD)
    text = "[secrets]\nrotation_wait = 0\n" + role
    keyless = start_keyless(text, secrets(openssh, password=canary("-wrong")))
    reason, sentence, detail = _refused(keyless, client(keyless, "web", tmp_path))
    assert reason == "login_rejected"
    assert sentence == (
        'upstream of role "web" refused the login; the role\'s credential may be out of date'
    )
    assert detail == "it refused the role's password"


def test_no_method_in_common(start_keyless: StartKeyless, tmp_path: Path) -> None:
    with OpenSsh({"PubkeyAuthentication": "no"}) as server:
        keyless = start_keyless(ssh_role("web", server), secrets(server))
        reason, sentence, _ = _refused(keyless, client(keyless, "web", tmp_path))
    assert reason == "upstream_insecure"
    assert sentence == 'upstream of role "web" takes no login of the sort that the role has'


@pytest.mark.parametrize(
    ("more", "detail"),
    [
        ({"private_key": "nonsense"}, "PRIVATE_KEY is neither"),
        ({"private_key": "-----BEGIN nonsense"}, "PRIVATE_KEY is not a private key"),
        ({"PASSPHRASE": _PASSPHRASE, "passphrase": "other"}, "PASSPHRASE does not decrypt"),
        ({}, "PASSPHRASE is missing"),
        ({"CERTIFICATE": "nonsense", "PASSPHRASE": _PASSPHRASE}, "CERTIFICATE is neither"),
        ({"KNOWN_HOSTS": "/nonexistent", "PASSPHRASE": _PASSPHRASE}, "KNOWN_HOSTS is neither"),
    ],
)
def test_a_role_that_is_not_right(
    start_keyless: StartKeyless,
    openssh: OpenSsh,
    tmp_path: Path,
    more: dict[str, str],
    detail: str,
) -> None:
    variables = {name: value for name, value in more.items() if name.isupper()}
    secret = {name: value for name, value in more.items() if name.islower()}
    encrypted = {"private_key": private_text(openssh.key, CANARY), "passphrase": CANARY}
    environment = secrets(openssh, **(encrypted | secret))
    keyless = start_keyless(ssh_role("web", openssh, **variables), environment)
    reason, sentence, told = _refused(keyless, client(keyless, "web", tmp_path))
    assert (reason, sentence) == (
        "secret_unavailable",
        'role "web" is not set up correctly; tell its operator',
    )
    assert told.startswith(detail)


# -- whose key it is ----------------------------------------------------------------------------


class Listener(asyncssh.SSHServer):
    """Would take anything, and notes what it is offered."""

    offered: list[str]

    def begin_auth(self, username: str) -> bool:
        self.offered.append(username)
        return True


async def test_another_host_key_is_told_nothing(
    start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path
) -> None:
    """Not even who wants in."""
    Listener.offered = []
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.listen(
        HOST, 0, server_host_keys=[key], server_factory=Listener, config=None
    )
    async with server:
        more = {"KNOWN_HOSTS": openssh.host_line, "PASS": PASSWORD}
        role = ssh_role("web", server.get_port(), **more)
        keyless = await asyncio.to_thread(start_keyless, role, secrets(openssh))
        joe = client(keyless, "web", tmp_path)
        reason, sentence, detail = await asyncio.to_thread(_refused, keyless, joe)
    assert reason == "upstream_insecure"
    assert sentence == 'upstream of role "web" has a host key that the role does not know'
    assert key.get_fingerprint() in detail
    assert Listener.offered == []


def _known_hosts(server: OpenSsh) -> Iterator[str]:
    other = public_line(asyncssh.generate_private_key("ssh-ed25519"))
    place = f"[{HOST}]:{server.port}"
    yield f"{place} {server.host_line}"
    yield f"# a comment\n{place} {other}\n{place} {server.host_line} its comment\n"
    yield f"{HOST} {server.host_line}"  # as OpenSSH has it: of whatever port
    yield f"{other}\n{server.host_line}"


@pytest.mark.parametrize("number", range(4))
def test_forms_of_known_hosts(
    start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path, number: int
) -> None:
    known = list(_known_hosts(openssh))[number]
    file = tmp_path / "known"
    file.write_text(known)
    keyless = start_keyless(
        ssh_role("web", openssh, KNOWN_HOSTS=known)
        + ssh_role("file", openssh, KNOWN_HOSTS=str(file)),
        secrets(openssh),
    )
    for role in ("web", "file"):
        assert well(client(keyless, role, tmp_path).run("echo in")) == "in\n"


@pytest.mark.parametrize(
    "known", ["[127.0.0.1]:{other} {key}", "elsewhere {key}", "@revoked * {key}"]
)
def test_known_hosts_that_do_not_help(
    start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path, known: str
) -> None:
    text = known.format(other=openssh.port + 1, key=openssh.host_line)
    keyless = start_keyless(ssh_role("web", openssh, KNOWN_HOSTS=text), secrets(openssh))
    reason, _, _ = _refused(keyless, client(keyless, "web", tmp_path))
    assert reason == "upstream_insecure"


@pytest.mark.parametrize("principal", [HOST, "elsewhere"])
def test_a_host_authority(start_keyless: StartKeyless, tmp_path: Path, principal: str) -> None:
    authority = asyncssh.generate_private_key("ssh-ed25519")
    key = asyncssh.generate_private_key("ssh-ed25519")
    certificate = authority.generate_host_certificate(key, "host", principals=[principal])
    with OpenSsh(host_key=key, host_certificate=certificate) as server:
        known = f"@cert-authority * {public_line(authority)}"
        keyless = start_keyless(ssh_role("web", server, KNOWN_HOSTS=known), secrets(server))
        joe = client(keyless, "web", tmp_path)
        if principal == HOST:
            assert well(joe.run("echo in")) == "in\n"
        else:
            assert _refused(keyless, joe)[0] == "upstream_insecure"


def test_trust_on_first_use(start_keyless: StartKeyless, tmp_path: Path) -> None:
    """The first key is remembered, and another one is not believed."""
    known = tmp_path / "known"
    settings = {"settings": "trust_on_first_use = true", "KNOWN_HOSTS": str(known)}
    with OpenSsh() as server, OpenSsh() as other:
        keyless = start_keyless(ssh_role("web", server, **settings), secrets(server))
        assert well(client(keyless, "web", tmp_path).run("echo in")) == "in\n"
        assert known.read_text() == f"[{HOST}]:{server.port} {server.host_line}\n"
        assert well(client(keyless, "web", tmp_path).run("echo in")) == "in\n"
        known.write_text(f"[{HOST}]:{other.port} {server.host_line}\n")
        keyless = start_keyless(ssh_role("web", other, **settings), secrets(other))
        reason, _, _ = _refused(keyless, client(keyless, "web", tmp_path))
        assert reason == "upstream_insecure"
        assert len(known.read_text().splitlines()) == 1


def test_upstream_that_is_not_there(
    start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path
) -> None:
    role = ssh_role("web", 1, KNOWN_HOSTS=openssh.host_line)
    keyless = start_keyless(role, secrets(openssh))
    reason, sentence, _ = _refused(keyless, client(keyless, "web", tmp_path))
    assert (reason, sentence) == (
        "upstream_unreachable",
        'upstream of role "web" cannot be reached',
    )


def test_no_key_of_the_operators_is_used(
    start_keyless: StartKeyless, openssh: OpenSsh, tmp_path: Path
) -> None:
    """Neither from the home folder of whoever runs the proxy, nor from an agent."""
    folder = tmp_path / ".ssh"
    folder.mkdir()
    (folder / "id_ed25519").write_text(private_text(openssh.key))
    (folder / "id_ed25519").chmod(0o600)
    (folder / "config").write_text("Host *\n  IdentityFile ~/.ssh/id_ed25519\n")
    environment = {SECRET: json.dumps({"password": canary("-wrong")}), "HOME": str(tmp_path)}
    role = "[secrets]\nrotation_wait = 0\n"
    role += ssh_role("web", openssh, PRIVATE_KEY=None, PASS=PASSWORD)
    keyless = start_keyless(role, environment)
    assert _refused(keyless, client(keyless, "web", tmp_path))[0] == "login_rejected"
