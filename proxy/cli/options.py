"""What several commands have in common: the configuration file, and how a command fails."""

import logging
import os
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

import click

from proxy import registry
from proxy.config import CommandRole, Config, ConfigError, Role, load

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


def load_or_fail(path: Path, code: int = MISUSED) -> Config:
    """The file's configuration; every mistake in it is printed."""
    try:
        return load(path)
    except ConfigError as error:
        fail(str(error), code)


def role_or_fail(config: Config, name: str, code: int = MISUSED) -> Role | CommandRole:
    """The role of that name, of whatever kind."""
    roles = {role.name: role for role in config.all_roles()}
    if name in roles:
        return roles[name]
    close = get_close_matches(name, roles, n=1)
    guess = f"; did you mean {close[0]}?" if close else ""
    fail(f"{config.path} has no role {name!r}{guess} (it has: {', '.join(roles)})", code)


def complete_role(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """For a shell: the names of roles that begin so, if the file is in order."""
    try:
        config = load(context.params.get("path") or Path("keyless.toml"))
    except ConfigError:
        return []
    return [role.name for role in config.all_roles() if role.name.startswith(begun)]


def audit_beside_a_program(config: Config) -> Config:
    """Standard output is the program's, so an audit that would go there goes to standard error."""
    if config.audit.path != "-":
        return config
    return replace(config, audit=config.audit.model_copy(update={"path": "/dev/stderr"}))


def without_secrets(config: Config) -> dict[str, str]:
    """Our environment less what only a provider needs, or is a secret itself: what programs get."""
    hidden = {name for provider in registry.providers().values() for name in provider.settings}
    hidden |= {reference.secret for reference in config.references()}
    return {name: value for name, value in os.environ.items() if name not in hidden}


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
