"""How many spares for whom: as many as were asked for lately, and never more than there may be."""

from typing import cast

import pytest

from proxy.spares.spare import Spare
from proxy.spares.stock import Shelf, Stock

_MOST, _SECONDS = 4, 60.0


class _OnShelf:
    """Stands in for a spare, which is a socket and a timer."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self.why = ""

    def end(self, why: str) -> None:
        self.why = why
        self._shelf.spares.remove(cast("Spare", self))


@pytest.fixture
def stock() -> Stock:
    return Stock(_MOST, _SECONDS)


def _ask(stock: Stock, startup: bytes, times: int, now: float = 0) -> Shelf:
    return [stock.ask(startup, now) for _ in range(times)][-1]


def _fill(stock: Stock, shelf: Shelf) -> list[_OnShelf]:
    added: list[_OnShelf] = []
    while stock.lacks(shelf):
        added.append(_OnShelf(shelf))
        shelf.spares.append(cast("Spare", added[-1]))
        assert len(added) < 100
    return added


@pytest.mark.parametrize(("times", "count"), [(1, 0), (2, 1), (3, 2), (5, 4), (50, 4)])
def test_as_many_as_asked_but_for_the_first(stock: Stock, times: int, count: int) -> None:
    assert len(_fill(stock, _ask(stock, b"a", times))) == count


def test_those_on_their_way_count(stock: Stock) -> None:
    shelf = _ask(stock, b"a", 9)
    shelf.making = 3
    assert len(_fill(stock, shelf)) == 1


def test_who_asked_long_ago_counts_no_more(stock: Stock) -> None:
    _ask(stock, b"a", 9, now=0)
    assert len(_fill(stock, _ask(stock, b"a", 2, now=61))) == 1


def test_two_share_evenly_and_neither_takes_more_from_the_other(stock: Stock) -> None:
    one = _ask(stock, b"a", 9)
    first = _fill(stock, one)
    other = _ask(stock, b"b", 9)
    assert len(_fill(stock, other)) == 2
    assert [spare.why for spare in first] == ["room", "room", "", ""]
    assert _fill(stock, one) == _fill(stock, other) == []


def test_more_than_there_may_be_spares_take_what_is_free(stock: Stock) -> None:
    shelves = [_ask(stock, bytes([n]), 9) for n in range(6)]
    assert [len(_fill(stock, shelf)) for shelf in shelves] == [1, 1, 1, 1, 0, 0]


def test_one_who_comes_once_takes_nothing_from_anybody(stock: Stock) -> None:
    shelf = _ask(stock, b"a", 9)
    for number in range(50):
        _ask(stock, b"once %d" % number, 1)
    assert len(_fill(stock, shelf)) == _MOST


def test_only_so_many_startup_messages_are_remembered(stock: Stock) -> None:
    spares = _fill(stock, _ask(stock, b"a", 9))
    for number in range(100):
        _ask(stock, b"other %d" % number, 1)
    assert {spare.why for spare in spares} == {"room"}
    assert _fill(stock, _ask(stock, b"a", 1)) == []


def test_all_end_at_once(stock: Stock) -> None:
    spares = _fill(stock, _ask(stock, b"a", 9))
    stock.clear("rotation")
    assert [spare.why for spare in spares] == ["rotation"] * _MOST
