"""One file a suite, each with a `SUITE`; a file that is put here is found."""

from importlib import import_module
from pkgutil import iter_modules

from tests.conformance.suite import Suite


def find_suites() -> dict[str, Suite]:
    """Every suite by its name."""
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    return {suite.name: suite for suite in (module.SUITE for module in modules)}
