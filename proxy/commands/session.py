"""One run of a command with a role's secrets: who may, what is read, what the audit is told."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from secrets import token_hex

from protocols.api import Event
from protocols.errors import Reason, Refusal
from providers.reference import Reference
from proxy.audit.events import CommandEnd, CommandStart, SessionDenied
from proxy.audit.log import context
from proxy.commands import process
from proxy.commands.given import check_values, given
from proxy.commands.mask import SHORTEST
from proxy.commands.process import CannotRun, Ended
from proxy.commands.signals import Signals
from proxy.commands.streams import MaskedStreams, Streams
from proxy.config import CommandRole
from proxy.config.schema import COMMAND
from proxy.identity import Identity
from proxy.role_secrets import RoleSecrets, Versions
from proxy.services import Services

_log = logging.getLogger("keyless.commands")
_AUDITED = 65_536  # characters of a command with its arguments
Environment = Mapping[bytes, bytes]


class CommandSession:
    """Of the user that the kernel knows us as; `run` it once."""

    def __init__(self, role: CommandRole, services: Services, *, mask: bool) -> None:
        self._role = role
        self._audit = services.audit
        self._mask = mask
        self._context = context(session=token_hex(8), role=role.name)
        self._identity = Identity("local", os.getuid(), os.getpid())
        self._secrets = RoleSecrets(role.name, role.environment, services, self._emit)

    async def run(
        self, argv: Sequence[str], inherited: Environment, ready: Callable[[], None]
    ) -> int:
        """Returns what a shell's `$?` would be. `ready` is called when nothing but the command
        itself can fail. Raises Refusal, CannotRun and OSError."""
        with Signals() as signals:
            try:
                program = process.find(argv[0], self._path(inherited))
                versions, values = await self._read()
                with given(self._role, values) as variables:
                    self._started(argv, versions)
                    ready()
                    environment = {**inherited, **variables}
                    ended = await self._carry_out(program, argv, environment, values, signals)
            except asyncio.CancelledError:
                if signals.received is None:
                    raise
                return 128 + signals.received
            finally:
                await self._secrets.close()
        return ended.code

    def _path(self, inherited: Environment) -> str:
        """Where the command would look for programs itself."""
        own = self._role.environment.get("PATH")
        if isinstance(own, str):
            return own
        return os.fsdecode(inherited.get(b"PATH", os.defpath.encode()))

    async def _read(self) -> tuple[Versions, dict[str, str]]:
        try:
            if not self._identity.may_use(self._role.allow):
                sentence = f'role "{self._role.name}" is not for user {self._identity.user}'
                raise Refusal(Reason.DENIED, sentence, detail="the role's allow does not name it")
            versions = await self._secrets.read()
            values = self._secrets.resolve(versions)
            check_values(self._role, values)
        except Refusal as refusal:
            self._denied(refusal)
            raise
        return versions, values

    async def _carry_out(
        self,
        program: str,
        argv: Sequence[str],
        environment: Environment,
        values: Mapping[str, str],
        signals: Signals,
    ) -> Ended:
        begun = time.monotonic()
        try:
            streams = MaskedStreams(list(self._maskable(values))) if self._mask else Streams()
            ended = await process.run(program, argv, environment, streams, signals)
        except (CannotRun, OSError) as error:
            self._ended(None, str(error), begun)
            raise
        self._ended(ended, None, begun)
        return ended

    def _maskable(self, values: Mapping[str, str]) -> Iterator[str]:
        for name, value in self._role.environment.items():
            if not isinstance(value, Reference):
                continue
            if len(values[name]) < SHORTEST:
                _log.warning("%s is not masked: it has less than %d characters", name, SHORTEST)
            yield values[name]

    # -- audit ----------------------------------------------------------------------------------

    def _emit(self, event: Event) -> None:
        self._audit.record(event, self._context)

    def _started(self, argv: Sequence[str], versions: Versions) -> None:
        """What cannot be audited does not happen."""
        said = [self._secrets.scrub(argument) for argument in argv]
        size = sum(len(os.fsencode(argument)) for argument in said)
        names = tuple(version.version for version in versions.values())
        client = self._identity.describe()
        self._emit(CommandStart(client, _cut(said), size, _cwd(), names, self._mask))
        self._audit.flush()

    def _ended(self, ended: Ended | None, error: str | None, begun: float) -> None:
        milliseconds = round((time.monotonic() - begun) * 1000, 3)
        status = ended.status if ended else None
        name = _name(ended.signal) if ended and ended.signal else None
        self._emit(CommandEnd(status, name, error, milliseconds))
        self._audit.flush()

    def _denied(self, refusal: Refusal) -> None:
        reason, client = refusal.reason.name.lower(), self._identity.describe()
        refusal.detail = self._secrets.scrub(refusal.detail)
        with suppress(Refusal):  # the command is not run in any case
            self._emit(SessionDenied(COMMAND, client, {}, reason, str(refusal), refusal.detail))


def _cut(argv: Sequence[str]) -> tuple[str, ...]:
    """As many of the arguments as there is room for, and the beginning of the next."""
    left = _AUDITED
    kept = []
    for argument in argv:
        if left <= 0:
            break
        kept.append(argument[:left])
        left -= len(argument)
    return tuple(kept)


def _cwd() -> str:
    try:
        return os.getcwd()
    except OSError:  # somebody removed it
        return ""


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # one of the real-time signals
        return f"SIG{number}"
