"""How bytes come: whole, byte by byte, and in pieces that fit no message."""

import pytest
from hypothesis import settings

from tests.protocols.script import WHOLE

# A busy machine is no fault of an example.
settings.register_profile("keyless", deadline=None)
settings.load_profile("keyless")


@pytest.fixture(params=[1, 7, WHOLE], ids=["1", "7", "whole"])
def cut(request: pytest.FixtureRequest) -> int:
    size: int = request.param
    return size
