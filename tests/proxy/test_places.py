"""Places for sessions: as many as there may be, and no more."""

from proxy.places import Places


def test_a_place_is_taken_until_it_is_left() -> None:
    places = Places(2)
    assert [places.take() for _ in range(3)] == [True, True, False]
    assert places.taken == 2
    places.leave()
    assert places.take()
    assert not places.take()
