"""Doors: which role a client gets, by the listener and by the name it gives."""

import pytest

from protocols.api import Wish
from protocols.errors import Reason, Refusal
from protocols.postgres import POSTGRES
from proxy.config import Allow, Role
from proxy.doors import Door


def _role(name: str) -> Role:
    return Role(name, POSTGRES, None, Allow(), {}, POSTGRES.options())


_SHARED = Door(POSTGRES, {"one": _role("one"), "two": _role("two")}, shared=True)


@pytest.mark.parametrize("user", [None, "one", "anybody"])
def test_a_roles_own_door_leads_to_it_whoever_comes(user: str | None) -> None:
    role = _role("app")
    assert Door.to(role).choose(Wish(user)) is role
    assert Door.to(role).only is role


@pytest.mark.parametrize("name", ["one", "two"])
def test_behind_a_shared_door_the_user_name_chooses(name: str) -> None:
    assert _SHARED.only is None
    assert _SHARED.choose(Wish(name)).name == name


@pytest.mark.parametrize(("user", "told"), [(None, ""), ("three", "three"), ("x" * 99, "x" * 63)])
def test_a_name_that_is_no_roles(user: str | None, told: str) -> None:
    with pytest.raises(Refusal) as caught:
        _SHARED.choose(Wish(user))
    assert caught.value.reason is Reason.UNKNOWN_ROLE
    assert str(caught.value) == f'role "{told}" does not exist'


def test_a_shared_door_with_one_role_is_no_door_of_its_own() -> None:
    door = Door(POSTGRES, {"one": _role("one")}, shared=True)
    assert door.only is None
    with pytest.raises(Refusal):
        door.choose(Wish("anybody"))
