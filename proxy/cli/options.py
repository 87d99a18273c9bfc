"""What several commands have in common: the configuration file, and how a command fails."""

import logging
import re
import sys
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

import click

from proxy.config import Config, ConfigError, Role, load

FAILED = 1
MISUSED = 2
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

config_option: Callable[[Any], Any] = click.option(
    "-c",
    "--config",
    "path",
    envvar="KEYLESS_CONFIG",
    default="keyless.toml",
    show_default=True,
    show_envvar=True,
    type=click.Path(path_type=Path),
    help="The configuration file.",
)


def _visible(text: str, *, newline: bool = True) -> str:
    """What others said may be in it: no control character of theirs reaches the terminal."""
    lines = text.split("\n") if newline else [text]
    return "\n".join(_CONTROL.sub(lambda found: ascii(found[0])[1:-1], line) for line in lines)


def fail(message: str, code: int = FAILED) -> NoReturn:
    """End the command with a sentence on standard error."""
    click.echo(f"keyless: {_visible(message)}", err=True)
    sys.exit(code)


def load_or_fail(path: Path) -> Config:
    """The file's configuration; every mistake in it is printed."""
    try:
        return load(path)
    except ConfigError as error:
        fail(str(error), MISUSED)


def role_or_fail(config: Config, name: str) -> Role:
    if name in config.roles:
        return config.roles[name]
    close = get_close_matches(name, config.roles, n=1)
    guess = f"; did you mean {close[0]}?" if close else ""
    fail(f"{config.path} has no role {name!r}{guess} (it has: {', '.join(config.roles)})", MISUSED)


class _OneLine(logging.Formatter):
    """Some messages hold what a client said, which must not look like a message of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return _visible(super().formatMessage(record), newline=False)


def set_up_logging(level: str) -> None:
    """The operator's log, on standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("keyless").setLevel(level.upper())
