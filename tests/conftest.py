"""What every test may use: the secrecy guard, the real servers, and pytest's own test bench."""

import signal

pytest_plugins = [
    "pytester",
    "tests.secrecy",
    "tests.servers.moto_aws",
    "tests.servers.mysql",
    "tests.servers.openbao",
    "tests.servers.openssh",
    "tests.servers.postgres",
]


def pytest_configure() -> None:
    """What a shell starts in the background ignores these, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
