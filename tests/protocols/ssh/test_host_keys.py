"""Which host keys a role knows, by what is written in its KNOWN_HOSTS."""

from pathlib import Path

import asyncssh
import pytest

from protocols.api import TcpEndpoint
from protocols.ssh.host_keys import HostKeys, host_keys

_KEY = asyncssh.generate_private_key("ssh-ed25519").convert_to_public()
_OTHER = asyncssh.generate_private_key("ecdsa-sha2-nistp256").convert_to_public()
_PLACE = TcpEndpoint("web", 2222)


def _line(key: asyncssh.SSHKey) -> str:
    return key.export_public_key().decode().strip()


def _known(keys: HostKeys) -> set[asyncssh.SSHKey]:
    return set(keys.known.match("web", "192.0.2.1", 2222)[0])


@pytest.mark.parametrize(
    "text",
    [
        _line(_KEY),
        f"\n  {_line(_KEY)} a comment \n",
        f"[web]:2222 {_line(_KEY)}",
        f"web,192.0.2.1 {_line(_KEY)}",
        f"# a comment\n*.example,we? {_line(_KEY)}",
    ],
)
def test_a_key_that_is_known(text: str, tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(text)
    assert _known(host_keys(text, trust_on_first_use=False)) == {_KEY}
    assert _known(host_keys(str(file), trust_on_first_use=False)) == {_KEY}


def test_several_keys_alone() -> None:
    keys = host_keys(f"{_line(_KEY)}\n{_line(_OTHER)}", trust_on_first_use=False)
    assert _known(keys) == {_KEY, _OTHER}


@pytest.mark.parametrize("text", [f"elsewhere {_line(_KEY)}", f"[web]:22 {_line(_KEY)}"])
def test_another_hosts_key(text: str) -> None:
    assert _known(host_keys(text, trust_on_first_use=False)) == set()


@pytest.mark.parametrize("text", ["/nonexistent", f"@nonsense web {_line(_KEY)}"])
def test_what_is_no_known_host(text: str) -> None:
    with pytest.raises(ValueError, match=r"^KNOWN_HOSTS "):
        host_keys(text, trust_on_first_use=False)


def test_nothing_is_taken_at_first_sight_unless_the_role_says_so(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text("")
    assert not host_keys(str(file), trust_on_first_use=False).take(_PLACE, "192.0.2.1", _KEY)
    assert file.read_text() == ""


def test_what_is_taken_at_first_sight_is_known_from_then_on(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    assert host_keys(str(file), trust_on_first_use=True).take(_PLACE, "192.0.2.1", _KEY)
    keys = host_keys(str(file), trust_on_first_use=True)
    assert _known(keys) == {_KEY}
    assert not keys.take(_PLACE, "192.0.2.1", _OTHER)
    assert keys.take(TcpEndpoint("other", 22), "192.0.2.2", _OTHER)


def test_trust_needs_a_file() -> None:
    with pytest.raises(ValueError, match=r"^KNOWN_HOSTS has keys in it, and trust_on_first_use"):
        host_keys(_line(_KEY), trust_on_first_use=True)
