"""The proxy's own key is made once, whoever asks first, and is its owner's alone to read."""

import asyncio
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from protocols.errors import Reason, Refusal
from proxy.own_key import OwnKey


def _maker() -> tuple[list[bytes], Callable[[], bytes]]:
    made: list[bytes] = []
    numbers = count()

    def make() -> bytes:
        made.append(b"key %d" % next(numbers))
        return made[-1]

    return made, make


async def test_it_is_made_once_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "key"
    made, make = _maker()
    assert await OwnKey(path).read(make) == b"key 0"
    assert await OwnKey(path).read(make) == b"key 0"
    assert made == [b"key 0"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["key"]


async def test_of_several_at_once_one_is_the_first(tmp_path: Path) -> None:
    _, make = _maker()
    asked = [OwnKey(tmp_path / "key").read(make) for _ in range(20)]
    assert len(set(await asyncio.gather(*asked))) == 1


async def test_where_none_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    _, make = _maker()
    with pytest.raises(Refusal, match="the proxy has no host key; tell its operator") as caught:
        await OwnKey(tmp_path / "file" / "key").read(make)
    assert caught.value.reason is Reason.INTERNAL
    assert str(tmp_path) in caught.value.detail
