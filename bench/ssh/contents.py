"""What is sent: files that no compression makes smaller, and their checksums."""

import os
import random
from hashlib import file_digest, sha256
from pathlib import Path

_CHUNK = 1 << 20
_MOST_IN_ONE = 8192  # bytes of a small file
_FILES_IN_ONE = 100


def write_random(file: Path, size: int) -> None:
    with file.open("wb") as out:
        for begin in range(0, size, _CHUNK):
            out.write(os.urandom(min(_CHUNK, size - begin)))


def write_tree(folder: Path, files: int) -> int:
    """Small files of all sizes in folders of a hundred each. Returns their bytes."""
    chosen, total = random.Random(files), 0
    for number in range(files):
        inner = folder / f"{number // _FILES_IN_ONE}"
        inner.mkdir(parents=True, exist_ok=True)
        size = chosen.randrange(_MOST_IN_ONE)
        (inner / f"{number}").write_bytes(chosen.randbytes(size))
        total += size
    return total


def digest(file: Path) -> str:
    """Of what is in it; of a file that is not there, nothing."""
    if not file.exists():
        return ""
    with file.open("rb") as content:
        return file_digest(content, "sha256").hexdigest()


def tree_digest(folder: Path) -> str:
    """Of all names below it, and what is in them."""
    found = sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        found.update(f"{file.relative_to(folder)} {digest(file)}\n".encode())
    return found.hexdigest()
