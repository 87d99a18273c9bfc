"""A stream of bytes is masked as if it came in one piece."""

import base64
import json
import re
import time
from collections.abc import Sequence
from itertools import pairwise
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.commands.mask import Mask
from tests.secrecy import CANARY, find

_VALUES = st.lists(st.text("ab\n", min_size=4, max_size=9), min_size=1, max_size=4)
_TEXTS = st.text("abY\nc", max_size=60)
_CUTS = st.lists(st.integers(0, 60), max_size=8)


def _masked(values: Sequence[str], data: bytes, cuts: Sequence[int] = ()) -> bytes:
    mask = Mask(values)
    places = [0, *sorted(cuts), len(data)]
    pieces = [data[begin:end] for begin, end in pairwise(places)]
    return b"".join([*map(mask.feed, pieces), mask.end()])


@given(_VALUES, _TEXTS, _CUTS)
@example(["aaab", "ab\nb"], "aaaab\nb", [4, 5])
@example(["abab", "ababba"], "abababba", [6])
def test_any_cut_gives_the_same_as_the_whole(values: list[str], text: str, cuts: list[int]) -> None:
    data = text.encode()
    assert _masked(values, data, cuts) == _masked(values, data)


@given(st.lists(st.text("ab", min_size=4, max_size=7), min_size=1, max_size=4), _TEXTS, _CUTS)
def test_the_whole_is_as_if_replaced_longest_first(
    values: list[str], text: str, cuts: list[int]
) -> None:
    """Of these values no other form can be in such a text."""
    either = "|".join(sorted(values, key=len, reverse=True))
    assert _masked(values, text.encode(), cuts) == re.sub(either, "***", text).encode()


@given(_VALUES, _TEXTS)
def test_only_what_may_be_a_values_beginning_waits(values: list[str], text: str) -> None:
    shown = Mask([*values, CANARY]).feed(text.encode() + b"$")
    assert shown == _masked(values, text.encode() + b"$")


def test_a_beginning_waits_until_it_is_none() -> None:
    mask = Mask(["secret"])
    assert mask.feed(b"a secre") == b"a "
    assert mask.feed(b"t and secr") == b"*** and "
    assert mask.feed(b"e!") == b"secre!"
    assert mask.feed(b"se") == b""
    assert mask.end() == b"se"
    assert mask.end() == b""


def test_the_longest_counts_and_is_waited_for() -> None:
    mask = Mask(["pass", "password", "wordy"])
    assert mask.feed(b"my pass") == b"my "
    assert mask.feed(b"wor") == b""
    assert mask.feed(b"dy, passer") == b"***y, ***er"


_WRITTEN = {
    "plain": f"({CANARY})",
    "alone": CANARY,
    "json": json.dumps({"password": CANARY}),
    "json in json": json.dumps({"password": f'"{CANARY}"'}),
    "url": f"postgres://app:{quote(CANARY, safe='')}@db",
    "form": f"x=1&password={quote_plus(CANARY)}",
    "path": f"path/{quote(CANARY)}",
    "base64": base64.b64encode(CANARY.encode()).decode(),
    "base64 behind 4 bytes": base64.b64encode(f"app:{CANARY}".encode()).decode(),
    "base64 behind 2 bytes": base64.b64encode(f"a:{CANARY}!".encode()).decode(),
    "base64 for urls": base64.urlsafe_b64encode(f"ab:{CANARY}?".encode()).decode(),
}


@pytest.mark.parametrize("written", _WRITTEN)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_it_is_found_as_it_is_often_written(written: str, size: int) -> None:
    data = b"it is " + _WRITTEN[written].encode() + b" indeed"
    masked = _masked([CANARY], data, range(0, len(data), size))
    assert b"***" in masked
    assert find(masked) == []
    assert masked.startswith(b"it is ")
    assert masked.endswith(b" indeed")


def test_each_line_of_a_value_is_one() -> None:
    key = f"-----BEGIN-----\n{CANARY}\n-----END-----\n"
    assert _masked([key], key.encode()) == b"***"
    assert _masked([key], key.replace("\n", "\r\n").encode()) == b"***\r\n"
    assert _masked([key], f"  {CANARY}\n".encode()) == b"  ***\n"


def test_what_is_short_is_not_masked() -> None:
    assert _masked(["abc", ""], b"abcabc") == b"abcabc"
    assert _masked([], b"anything") == b"anything"


def test_bytes_that_are_no_text_go_through() -> None:
    data = bytes(range(256)) * 3
    assert _masked([CANARY], data, range(0, 700, 13)) == data


def test_a_large_key_does_not_hold_up_the_stream() -> None:
    key = "\n".join(base64.b64encode(bytes([n] * 48)).decode() for n in range(60))
    mask = Mask([key])
    begun = time.monotonic()
    for _ in range(32):
        mask.feed(b"what a command says is mostly none of it\n" * 1600)
    assert time.monotonic() - begun < 10
