"""The chain holds, and breaks where a line was changed, removed or moved."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.audit.chain import BEGINNING, digest, link, verify


def _chain(size: int) -> list[bytes]:
    return link([b'{"n": %d' % number for number in range(size)], BEGINNING)[0].splitlines(True)


def test_a_line_names_the_one_before_it() -> None:
    lines, last = link([b'{"n": 1', b'{"n": 2'], "before")
    first, second = lines.splitlines()
    assert json.loads(first) == {"n": 1, "prev": "before"}
    assert json.loads(second) == {"n": 2, "prev": digest(first)}
    assert last == digest(second)
    assert link([], "before") == (b"", "before")


@given(st.integers(0, 30))
def test_a_chain_holds(size: int) -> None:
    assert verify(_chain(size)) is None


@given(st.integers(2, 10), st.data())
def test_a_changed_line_is_found_at_the_next(size: int, data: st.DataObject) -> None:
    lines = _chain(size)
    at = data.draw(st.integers(0, size - 2))
    lines[at] = lines[at].replace(b'"n": ', b'"n":')
    broken = verify(lines)
    assert broken is not None
    assert broken.line == at + 2


@given(st.integers(2, 10), st.data())
def test_a_removed_line_is_found_where_it_was(size: int, data: st.DataObject) -> None:
    lines = _chain(size)
    at = data.draw(st.integers(0, size - 2))
    del lines[at]
    broken = verify(lines)
    assert broken is not None
    assert broken.line == at + 1


def test_lines_cut_off_the_end_cannot_be_found() -> None:
    assert verify(_chain(5)[:3]) is None


@pytest.mark.parametrize("line", [b"\n", b"{}\n", b"[]\n", b'"prev"\n', b"\xff\n", b'{"prev":'])
def test_what_is_no_audit_line(line: bytes) -> None:
    broken = verify([*_chain(2), line])
    assert broken is not None
    assert (broken.line, broken.why) == (3, "it is not an audit line")
