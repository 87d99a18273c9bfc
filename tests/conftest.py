"""What every test may use: the secrecy guard, the real servers, and pytest's own test bench.

With KEYLESS_PURE the modules that are compiled run as the Python that they are compiled from.
"""

import os
import signal
import sys
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader
from pathlib import Path

pytest_plugins = [
    "pytester",
    "tests.secrecy",
    "tests.servers.moto_aws",
    "tests.servers.mysql",
    "tests.servers.openbao",
    "tests.servers.openssh",
    "tests.servers.postgres",
]

if "KEYLESS_PURE" in os.environ:
    _packages = tuple(str(Path(__file__).parents[1] / name) for name in ("protocols", "proxy"))

    def _sources(path: str) -> FileFinder:
        if not path.startswith(_packages):
            raise ImportError
        return FileFinder(path, (SourceFileLoader, SOURCE_SUFFIXES))

    sys.path_hooks.insert(0, _sources)


def pytest_configure() -> None:
    """What a shell starts in the background ignores these, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
