"""The house rules that can be read from the source: who may import what, and where a secret opens.

The checks read text, so that the tests can also show them a breach.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

_ROOT = Path(__file__).parent.parent
_OPENS_SECRETS = "proxy/role_secrets.py"
# No side effects where bytes are read and written: whatever a protocol needs is handed to it.
_EFFECTS = frozenset(
    {"asyncio", "importlib", "logging", "os", "random", "secrets", "select", "selectors"}
    | {"socket", "ssl", "subprocess", "threading", "time"}
)
_FORBIDDEN: Mapping[str, frozenset[str]] = {
    "protocols": frozenset({"providers", "proxy"}) | _EFFECTS,
    "protocols/ssh": frozenset({"providers", "proxy"}) | _EFFECTS - {"asyncio"},
    "providers": frozenset({"protocols", "proxy"}),
}


def _sources() -> dict[str, str]:
    return {
        str(path.relative_to(_ROOT)): path.read_text()
        for package in ("protocols", "providers", "proxy")
        for path in sorted((_ROOT / package).rglob("*.py"))
    }


def _forbidden(path: str) -> frozenset[str]:
    """The rule of the innermost folder that has one."""
    folders = [str(folder) for folder in Path(path).parents]
    return next((_FORBIDDEN[folder] for folder in folders if folder in _FORBIDDEN), frozenset())


def _imports(path: str, source: str) -> Iterator[str]:
    """The full name of every module that `source` imports, wherever and however it does."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module, names, level):
                package = Path(path).parts[:-level] if level else ()
                base = [*package, *([module] if module else [])]
                yield from (".".join([*base, name.name]) for name in names)
            case ast.Call(ast.Name("__import__"), [ast.Constant(str(name)), *_]):
                yield name


def breaches(sources: Mapping[str, str]) -> list[str]:
    return [
        f"{path} imports {name}"
        for path, source in sources.items()
        for name in _imports(path, source)
        if name.partition(".")[0] in _forbidden(path)
    ]


def openings(sources: Mapping[str, str]) -> list[str]:
    """Where a secret is opened: every mention of `reveal`, for a method may get another name."""
    return [
        path
        for path, source in sources.items()
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.Attribute) and node.attr == "reveal")
        or (isinstance(node, ast.Constant) and node.value == "reveal")
    ]


def test_every_room_imports_only_what_it_may() -> None:
    sources = _sources()
    assert {Path(path).parts[0] for path in sources} == {"protocols", "providers", "proxy"}
    assert breaches(sources) == []


def test_a_secret_is_opened_in_one_place() -> None:
    assert openings(_sources()) == [_OPENS_SECRETS]


@pytest.mark.parametrize(
    ("path", "source", "imported"),
    [
        ("protocols/api.py", "import proxy.relay", "proxy.relay"),
        ("protocols/postgres/tap.py", "from providers.api import Secret", "providers.api.Secret"),
        ("protocols/postgres/tap.py", "import json, ssl as tls", "ssl"),
        ("protocols/postgres/tap.py", "def f():\n    from os import path", "os.path"),
        ("protocols/postgres/tap.py", "if TYPE_CHECKING:\n    import asyncio", "asyncio"),
        ("protocols/postgres/tap.py", "__import__('socket')", "socket"),
        ("protocols/postgres/tap.py", "import importlib.util", "importlib.util"),
        ("protocols/ssh/channels.py", "import socket", "socket"),
        ("providers/vault.py", "from proxy import cli", "proxy.cli"),
        ("providers/vault.py", "from protocols.api import Login", "protocols.api.Login"),
    ],
)
def test_a_forbidden_import_is_found(path: str, source: str, imported: str) -> None:
    assert breaches({path: source}) == [f"{path} imports {imported}"]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("protocols/postgres/tap.py", "from . import messages\nfrom ..api import Tap"),
        ("protocols/postgres/tap.py", "import hashlib, osmosis"),
        ("protocols/ssh/channels.py", "import asyncio, asyncssh"),
        ("providers/vault.py", "import os, ssl\nfrom providers.api import Secret"),
        (
            "proxy/login.py",
            "import asyncio\nfrom protocols import api\nfrom providers import errors",
        ),
    ],
)
def test_an_allowed_import_is_not_a_breach(path: str, source: str) -> None:
    assert breaches({path: source}) == []


@pytest.mark.parametrize(
    "source",
    ["secret.reveal()", "list(map(Secret.reveal, found))", "getattr(secret, 'reveal')()"],
)
def test_another_opening_is_found(source: str) -> None:
    sources = {_OPENS_SECRETS: "return secret.reveal()", "proxy/audit.py": f"x = {source}"}
    assert openings(sources) == [_OPENS_SECRETS, "proxy/audit.py"]
