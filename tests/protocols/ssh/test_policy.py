"""What a role lets its clients do, and what a pattern covers."""

import pytest

from protocols.ssh.options import SshOptions
from protocols.ssh.policy import Policy


def test_a_role_is_open_for_work_and_closed_for_ways_out() -> None:
    policy = Policy(SshOptions())
    assert policy.shell() is None
    assert policy.command(b"rm -rf /; \xff") is None
    assert policy.subsystem(b"sftp") is None
    assert policy.variable(b"LC_ALL") is None
    assert not policy.read_only
    assert policy.subsystem(b"netconf") == "this role does not allow this subsystem"
    assert policy.variable(b"LD_PRELOAD") == "this role does not let clients set this variable"
    assert policy.connection("localhost:80") == (
        "this role does not allow forwarding to localhost:80"
    )
    assert policy.listener("localhost:80") is not None
    assert policy.agent() == "this role does not allow the server to use the client's SSH agent"
    assert policy.x11() == "this role does not allow X11 forwarding"


def test_every_door_can_be_closed() -> None:
    policy = Policy(SshOptions(shell=False, exec=(), sftp="off", accept_env=()))
    assert policy.shell() == "this role does not allow shells"
    assert policy.command(b"true") == "this role does not allow commands"
    assert policy.subsystem(b"sftp") == "this role does not allow SFTP"
    assert policy.variable(b"LANG") is not None


@pytest.mark.parametrize(
    ("pattern", "command"),
    [
        ("uptime", b"uptime"),
        ("scp -t *", b"scp -t /srv/a b"),
        ("rsync --server *", b"rsync --server -vlogDtpre.iLsfxCIvu . /srv/"),
        ("git-upload-pack '*'", b"git-upload-pack '/srv/a.git'"),
        ("cd /srv && make *", b"cd /srv && make test"),
        ("tail -f /var/log/?.log", b"tail -f /var/log/a.log"),
        ("[ -e /tmp ]", b"[ -e /tmp ]"),
        ("echo \xe9", "echo é".encode()),
    ],
)
def test_a_command_is_allowed_that_a_pattern_covers(pattern: str, command: bytes) -> None:
    assert Policy(SshOptions(exec=("false", pattern))).command(command) is None


@pytest.mark.parametrize(
    ("pattern", "command"),
    [
        ("uptime", b"uptime -p"),
        ("uptime", b"Uptime"),
        ("uptime", b"uptime\n"),
        ("scp -t *", b"scp -t x; id"),
        ("scp -t *", b"scp -t x && id"),
        ("scp -t *", b"scp -t x\nid"),
        ("scp -t *", b"scp -t x\0id"),
        ("scp -t *", b"scp -t $(id)"),
        ("scp -t *", b"scp -t `id`"),
        ("scp -t *", b"scp -t 'x"),
        ("scp -t *", b"scp -t x\\ y"),
        ("scp -t * end", b"scp -t x # end"),
        ("git-upload-pack '*'", b"git-upload-pack 'a'; id 'b'"),
        ("git-upload-pack '*'", b"git-upload-pack 'a' 'b'"),
        ("cd /srv && make *", b"cd /srv && make && id"),
        ("[ab]", b"a"),
        ("**", b"id; id"),
    ],
)
def test_a_command_is_refused_that_leads_out_of_a_pattern(pattern: str, command: bytes) -> None:
    sentence = "this role does not allow this command"
    assert Policy(SshOptions(exec=(pattern,))).command(command) == sentence


@pytest.mark.parametrize(
    ("pattern", "target"),
    [
        ("db.internal:5432", "DB.internal:5432"),
        ("*.internal:5432", "db.internal:5432"),
        ("db:*", "db:1"),
        ("*", "[::1]:22"),
        ("[::1]:22", "[::1]:22"),
        ("unix:/run/*", "unix:/run/postgresql/.s.PGSQL.5432"),
    ],
)
def test_a_target_is_allowed_that_a_pattern_covers(pattern: str, target: str) -> None:
    assert Policy(SshOptions(forward_local=(pattern,))).connection(target) is None
    assert Policy(SshOptions(forward_remote=(pattern,))).listener(target) is None
    assert Policy(SshOptions(forward_remote=(pattern,))).connection(target) is not None


@pytest.mark.parametrize(
    ("pattern", "target"),
    [
        ("db.internal:5432", "db.internal.:5432"),
        ("db.internal:5432", "db.internal:54321"),
        ("127.0.0.1:22", "localhost:22"),
        ("[::1]:22", ":]:22"),
        ("unix:/run/*", "unix:/run/../etc/x"),
        ("unix:/run/*", "unix:/RUN/x"),
        ("unix:*", "unix:../x"),
    ],
)
def test_a_target_is_refused_that_is_written_otherwise(pattern: str, target: str) -> None:
    assert Policy(SshOptions(forward_local=(pattern,))).connection(target) is not None
