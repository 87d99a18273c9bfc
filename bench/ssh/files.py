"""One large file by sftp: there and back, and on from where it broke off."""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.ssh.contents import digest, write_random
from bench.ssh.ways import World
from bench.ssh.work import Work
from tests.servers.openssh import HOST


def works(world: World, size: int) -> Iterator[Work]:
    """`size` in bytes. The server has it under another name at the end of each way there."""
    source, here, there = world.here / "large", world.here / "copy", world.there / "large"
    write_random(source, size)
    expected = digest(source)
    arrived = there.with_name("renamed")

    def work(name: str, commands: str, copy: Path, *, half_done: bool = False) -> Work:
        batch = world.here / f"{name}.batch"
        batch.write_text(commands)
        return Work(
            name=f"sftp {name}",
            size=size - size // 2 if half_done else size,
            command=lambda way: [*way.program("sftp", "-q", "-b", str(batch)), HOST],
            prepare=partial(_prepare, source, here, there, half=size // 2 if half_done else 0),
            check=lambda: "" if digest(copy) == expected else f"{copy.name} is not what was sent",
        )

    rename = f"rename {there} {arrived}\n"
    yield work("put and rename", f"put {source} {there}\n{rename}", arrived)
    yield work("reput and rename", f"reput {source} {there}\n{rename}", arrived, half_done=True)
    shutil.copy(source, arrived)
    yield work("get", f"get {arrived} {here}\n", here)
    yield work("reget", f"reget {arrived} {here}\n", here, half_done=True)


def _prepare(source: Path, here: Path, there: Path, *, half: int) -> None:
    """The first half of it is there already, by either way, or nothing."""
    for copy in (here, there):
        copy.unlink(missing_ok=True)
        if half:
            with source.open("rb") as whole, copy.open("wb") as part:
                part.write(whole.read(half))
