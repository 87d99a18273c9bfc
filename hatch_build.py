"""Compiles the hot path where there is a C compiler: the modules that have a `.pxd` beside them,
which tells the types of what they keep, and those that are `.pyx`.

The same Python sources run without it. KEYLESS_COMPILE is `must` or `never`; where it is neither,
what cannot be compiled is left as it is.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_PACKAGES = ("protocols", "proxy")
_DIRECTIVES = {
    "language_level": 3,
    "annotation_typing": False,  # `int` in Python has no bounds
    "boundscheck": False,
    "wraparound": True,
    "cdivision": True,
}


class CompileHook(BuildHookInterface[Any]):
    """hatchling's: before a wheel is made, be it an editable one."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name == "wheel" and compile_all(Path(self.root)):
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
            build_data["artifacts"] += [f"{package}/**/*.so" for package in _PACKAGES]


def compile_all(root: Path) -> bool:
    """Compile what has changed, in its place. Returns whether all of it is compiled."""
    wanted = os.environ.get("KEYLESS_COMPILE", "")
    if wanted != "never":
        try:
            _compile(root)
        except Exception as error:
            if wanted == "must":
                raise
            print(f"Keyless runs without its compiled modules: {error}", file=sys.stderr)
        else:
            return True
    for module in _compiled(root):
        module.unlink()
    return False


def sources(root: Path) -> Iterator[Path]:
    """The modules that are compiled."""
    for package in _PACKAGES:
        for types in sorted((root / package).rglob("*.pxd")):
            native = types.with_suffix(".pyx")
            yield native if native.exists() else types.with_suffix(".py")


def _compiled(root: Path) -> Iterator[Path]:
    for package in _PACKAGES:
        yield from (root / package).rglob("*.so")


def _compile(root: Path) -> None:
    # Here, where it may fail: who cannot compile has perhaps not even these.
    from Cython.Build import cythonize  # noqa: PLC0415
    from setuptools import Distribution, Extension  # noqa: PLC0415
    from setuptools.command.build_ext import build_ext  # noqa: PLC0415

    os.chdir(root)
    modules = [source.relative_to(root) for source in sources(root)]
    extensions = [
        Extension(
            ".".join(module.with_suffix("").parts),
            [str(module)],
            extra_compile_args=["-g0"],  # else nine tenths of what is installed is for debuggers
        )
        for module in modules
    ]
    made = cythonize(
        extensions, build_dir="build/cython", compiler_directives=_DIRECTIVES, quiet=True
    )
    command = build_ext(Distribution({"name": "keyless", "ext_modules": made}))
    command.inplace = True
    command.build_temp = "build/objects"
    command.ensure_finalized()
    command.run()


if __name__ == "__main__":
    compile_all(Path(__file__).resolve().parent)
