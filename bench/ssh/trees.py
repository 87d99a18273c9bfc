"""Many small files: a tree by rsync, and a repository by git, both ways each."""

import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.ssh.contents import tree_digest, write_tree
from bench.ssh.ways import Way, World
from bench.ssh.work import ENVIRONMENT, Work
from tests.servers.openssh import HOST


def works(world: World, files: int) -> Iterator[Work]:
    """The tree is the repository's content as well."""
    tree = world.here / "tree"
    size = write_tree(tree, files)
    yield from _rsync(world, tree, size)
    yield from _git(world, tree, size)


def _rsync(world: World, tree: Path, size: int) -> Iterator[Work]:
    expected = tree_digest(tree)

    def work(name: str, source: str, target: str, arrived: Path) -> Work:
        return Work(
            name=f"rsync {name}",
            size=size,
            command=lambda way: ["rsync", "-a", "-e", way.command, source, target],
            prepare=partial(shutil.rmtree, arrived, ignore_errors=True),
            check=lambda: "" if tree_digest(arrived) == expected else "the trees are not the same",
        )

    there, here = world.there / "tree", world.here / "tree-again"
    yield work("up", f"{tree}/", f"{HOST}:{there}/", there)
    yield work("down", f"{HOST}:{there}/", f"{here}/", here)


def _git(world: World, tree: Path, size: int) -> Iterator[Work]:
    there, here = world.there / "bare.git", world.here / "clone"
    _run("init", "-q", "-b", "main", tree)
    _run("-C", tree, "add", ".")
    _run("-C", tree, "commit", "-q", "-m", "All of it")
    _run("-C", tree, "repack", "-a", "-d", "-q")  # which the first push would pay for
    address = f"ssh://{HOST}{there}"

    def check(arrived: Path) -> str:
        _run("-C", arrived, "fsck", "--strict", "--no-progress")
        heads = {_run("-C", one, "rev-parse", "refs/heads/main") for one in (tree, arrived)}
        return "" if len(heads) == 1 else "the repositories are not the same"

    def push(way: Way) -> list[str]:
        return ["git", "-C", str(tree), "push", "-q", address, "main"]

    def clone(way: Way) -> list[str]:
        return ["git", "clone", "-q", address, str(here)]

    yield Work("git push", size, push, prepare=partial(_bare, there), check=partial(check, there))
    away = partial(shutil.rmtree, here, ignore_errors=True)
    yield Work("git clone", size, clone, prepare=away, check=partial(check, here))


def _bare(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _run("init", "-q", "--bare", "-b", "main", folder)


def _run(*words: str | Path) -> str:
    done = subprocess.run(
        ["git", *words], check=True, capture_output=True, text=True, env=dict(ENVIRONMENT)
    )
    return done.stdout
