"""Other people's packages add to ours: none replaces one of ours, and a broken one is left out.

In processes of their own, where such a package is installed: what is found is found once a process.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_PLUGIN = """
from providers.env_json import EnvJson

class Other(EnvJson):
    name = "other"
"""
_BROKEN = "import a_library_that_is_not_installed\n"
_LIST = """
import json
from proxy import registry
found = {name: cls.__module__ for name, cls in registry.providers().items()}
kinds = {name: type(kind).__name__ for name, kind in registry.protocols().items()}
print(json.dumps([found, kinds]))
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Where packages of the test's own are installed."""
    return tmp_path


def _install(where: Path, package: str, source: str, entry_points: str) -> None:
    (where / f"{package}.py").write_text(source)
    info = where / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)


def _find(where: Path) -> tuple[dict[str, str], dict[str, str], str]:
    """The modules of providers, the types of protocols, and what was said about them."""
    done = subprocess.run(
        [sys.executable, "-c", _LIST],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(where)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    providers, protocols = json.loads(done.stdout)
    return providers, protocols, done.stderr


def test_other_packages_add_theirs(installed: Path) -> None:
    ours, _, _ = _find(installed)
    _install(installed, "plugin", _PLUGIN, "[keyless.providers]\nother = plugin:Other\n")
    found, _, said = _find(installed)
    assert found == ours | {"other": "plugin"}
    assert said == ""


@pytest.mark.parametrize("package", ["aaa", "keyless_more", "zzz"])
def test_none_replaces_one_of_ours(installed: Path, package: str) -> None:
    """Wherever it comes in the order of names, and although it is first on the path."""
    entry_points = (
        f"[keyless.providers]\nenvjson = {package}:Other\nvaultkv2 = {package}:Other\n"
        f"[keyless.protocols]\npostgres = {package}:Other\n"
    )
    before = _find(installed)
    _install(installed, package, _PLUGIN, entry_points)
    assert _find(installed) == before
    assert before[0]["envjson"] == "providers.env_json"
    assert before[1] == {**before[1], "postgres": "WireProtocol"}


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        (_BROKEN, "broken:Other", "No module named 'a_library_that_is_not_installed'"),
        (_PLUGIN, "broken:Another", "module 'broken' has no attribute 'Another'"),
        ("raise RuntimeError('in pieces')", "broken:Other", "in pieces"),
        ("this is no Python", "broken:Other", "invalid syntax"),
    ],
)
def test_a_broken_one_is_left_out_and_told_of(
    installed: Path, source: str, target: str, why: str
) -> None:
    before, _, _ = _find(installed)
    _install(installed, "broken", source, f"[keyless.providers]\nother = {target}\n")
    found, _, said = _find(installed)
    assert found == before
    assert said.startswith("other of package broken cannot be used: ")
    assert why in said
    assert said.count("\n") == 1


def test_a_broken_one_with_a_name_of_ours_changes_nothing(installed: Path) -> None:
    before, _, _ = _find(installed)
    _install(installed, "broken", _BROKEN, "[keyless.providers]\nenvjson = broken:Other\n")
    found, _, said = _find(installed)
    assert found == before
    assert said.startswith("envjson of package broken cannot be used: ")


def test_what_nobody_asks_for_is_not_imported(installed: Path) -> None:
    """asyncssh alone takes a fifth of a second, and who opens psql needs none of it."""
    _install(installed, "broken", _BROKEN, "[keyless.protocols]\nother = broken:Other\n")
    ask = "import sys; from proxy import registry; registry.protocols()['postgres']"
    done = subprocess.run(
        [sys.executable, "-c", f"{ask}; print('asyncssh' in sys.modules)"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("False\n", "")
