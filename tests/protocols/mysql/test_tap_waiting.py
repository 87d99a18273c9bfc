"""What the client sends that may reach upstream before the tap has read it."""

import pytest

from protocols.mysql.capabilities import Capability
from protocols.mysql.commands import Command
from tests.protocols.mysql.conversation import PLAIN, Watched, query
from tests.protocols.mysql.server import packet


@pytest.mark.parametrize(
    ("chunk", "may_wait"),
    [
        (query("SELECT 1"), True),
        (packet(0, bytes((Command.STMT_EXECUTE,)) + b"\1\0\0\0"), True),
        (packet(1, bytes((Command.PING,))), False),
        (packet(0, bytes((Command.CHANGE_USER,)) + b"joe\0"), False),
        (packet(0, bytes((Command.QUIT,))), False),
        (packet(0, b""), False),
        (query("SELECT 1")[:-1], False),
        (query("SELECT 1") + query("SELECT 2"), False),
        (b"\1\0\0", False),
    ],
)
def test_one_whole_common_command_may_wait(chunk: bytes, may_wait: bool) -> None:
    watched = Watched()
    assert watched.tap.may_wait(chunk) is may_wait
    watched.client(query("SELECT 1")[:-1])
    assert not watched.tap.may_wait(chunk)


def test_attributes_that_may_be_malformed_do_not_wait() -> None:
    watched = Watched(capabilities=PLAIN | Capability.QUERY_ATTRIBUTES)
    assert watched.tap.may_wait(packet(0, b"\x03\0\1SELECT 1"))
    assert not watched.tap.may_wait(packet(0, b"\x03\1\1SELECT 1"))
