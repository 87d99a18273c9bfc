"""Providers are found by name, and cost nothing until they are read from."""

import subprocess
import sys
from importlib.metadata import entry_points

from providers.api import Provider

LOAD_ALL = """
import sys
from importlib.metadata import entry_points
for entry in entry_points(group="keyless.providers"):
    entry.load()({}).close()
print(sorted({"boto3", "botocore", "hvac", "requests"} & sys.modules.keys()))
"""


def test_each_provider_is_found_by_its_name_and_made_of_nothing() -> None:
    found = {entry.name: entry.load() for entry in entry_points(group="keyless.providers")}
    assert found.keys() >= {"aws", "envjson", "vaultkv1", "vaultkv2"}
    for name, provider in found.items():
        made: Provider = provider({})
        assert made.name == name
        made.close()


def test_making_all_of_them_imports_none_of_the_slow_libraries() -> None:
    """Half a second for boto3 and hvac, at each start of each command."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD_ALL], capture_output=True, text=True, timeout=30, check=True
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
