"""What every test may use: the secrecy guard, the real servers, and pytest's own test bench."""

pytest_plugins = [
    "pytester",
    "tests.secrecy",
    "tests.servers.moto_aws",
    "tests.servers.mysql",
    "tests.servers.openbao",
    "tests.servers.openssh",
    "tests.servers.postgres",
]
