"""What one stream costs by each cipher that a client may choose for its side, and what a login
takes longer."""

from collections.abc import Iterator, Sequence
from functools import partial

from bench.ssh.contents import digest, write_random
from bench.ssh.ways import Way, World
from bench.ssh.work import Work
from tests.servers.openssh import HOST

CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
)
_MAC = "-oMACs=hmac-sha2-256-etm@openssh.com"  # for those that have none of their own


def works(world: World, size: int, chosen: Sequence[str]) -> Iterator[Work]:
    """`size` in bytes, of each stream."""
    source, copy = world.here / "stream", world.there / "stream"
    write_random(source, size)
    expected = digest(source)

    def up(cipher: str, way: Way) -> list[str]:
        return way.ssh(f"cat >{copy}", f"-oCiphers={cipher}", _MAC)

    def down(cipher: str, way: Way) -> list[str]:
        return way.ssh(f"cat {copy}", f"-oCiphers={cipher}", _MAC)

    def scp(cipher: str, way: Way) -> list[str]:
        programs = way.program("scp", "-q", f"-oCiphers={cipher}", _MAC)
        return [*programs, str(source), f"{HOST}:{copy}"]

    def check() -> str:
        return "" if digest(copy) == expected else "what arrived is not what was sent"

    away = partial(copy.unlink, missing_ok=True)
    for cipher in chosen:
        name = cipher.partition("@")[0]
        yield Work(f"{name} up", size, partial(up, cipher), source, away, check)
        yield Work(f"{name} down", size, partial(down, cipher))
        yield Work(f"{name} scp", size, partial(scp, cipher), prepare=away, check=check)


def logins() -> Iterator[Work]:
    """The shortest session that there is."""
    yield Work("ssh true", 0, lambda way: way.ssh("true"))
