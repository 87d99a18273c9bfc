"""Which of their two ways the modules of the hot path run: compiled, or as they are written."""

import importlib
import os
from pathlib import Path

import pytest

import hatch_build

_ROOT = Path(__file__).parents[1]
_MODULES = [
    ".".join(source.relative_to(_ROOT).with_suffix("").parts)
    for source in hatch_build.sources(_ROOT)
]


@pytest.mark.parametrize("name", _MODULES)
def test_modules_of_the_hot_path_run_as_the_run_says(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__file__ is not None
    if "KEYLESS_PURE" in os.environ:
        assert module.__file__.endswith(".py")
    elif "CI" in os.environ:
        assert module.__file__.endswith(".so"), "not compiled: see `make compiled`"
