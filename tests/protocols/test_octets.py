"""Byte by byte what Python itself would say, compiled or not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.octets import behind_zero, cut, quoted, says_password, uint32

_PASSWORDS = st.sampled_from(["password", "PassWord", "://", ":/", "passwor", "p", "@aSSWORD"])


@given(st.binary(min_size=4), st.data())
def test_four_bytes_are_a_number(data: bytes, draw: st.DataObject) -> None:
    at = draw.draw(st.integers(0, len(data) - 4))
    assert uint32(data, at) == int.from_bytes(data[at : at + 4], "big")


@given(st.binary(), st.data())
def test_a_piece_is_cut_out(data: bytes, draw: st.DataObject) -> None:
    begin = draw.draw(st.integers(0, len(data)))
    end = draw.draw(st.integers(begin, len(data)))
    assert cut(data, begin, end) == data[begin:end]


@given(st.lists(st.sampled_from([b"\0", b"a", b"name"])), st.data())
def test_what_is_behind_a_zero_is_found(pieces: list[bytes], draw: st.DataObject) -> None:
    data = b"".join(pieces)
    begin = draw.draw(st.integers(0, len(data) + 2))
    end = draw.draw(st.integers(0, len(data) + 2))
    assert behind_zero(data, begin, end) == data.find(0, begin, end) + 1


@given(st.lists(_PASSWORDS | st.text(max_size=9)))
def test_the_word_is_found_in_any_case(pieces: list[str]) -> None:
    text = "".join(pieces).encode()
    assert says_password(text) == (b"://" in text or b"password" in text.lower())


@pytest.mark.parametrize(
    "text", ["", "plain", 'a "b" \\ c', "\x00\x1f\x7f", "grüße", "\ud800", "𝄞"]
)
def test_a_text_is_quoted_as_json(text: str) -> None:
    assert json.loads(quoted(text)) == text
    assert quoted(text) == json.dumps(text, ensure_ascii=False)


@given(st.text())
def test_any_text_is_quoted_as_json(text: str) -> None:
    assert quoted(text) == json.dumps(text, ensure_ascii=False)
