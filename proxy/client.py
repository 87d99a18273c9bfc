"""The user's own client program, run in the foreground of a terminal."""

import asyncio
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace

from protocols.api import ClientProgram


class ClientMissing(Exception):
    """The client is not installed; the text says how to get it."""


def find(program: ClientProgram, path: str | None = None) -> ClientProgram:
    """The program with its full path, looked for on `path` or, as a shell would, on PATH."""
    name, *arguments = program.arguments
    found = shutil.which(name, path=path)
    if found is None:
        raise ClientMissing(f"there is no {name} on the PATH; {program.hint}")
    return replace(program, arguments=(found, *arguments))


async def run(
    program: ClientProgram, arguments: Sequence[str], environment: Mapping[str, str]
) -> int:
    """Run it to its end: Ctrl-C is its own. Returns its exit code as a shell would tell it."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    client = await asyncio.create_subprocess_exec(
        *program.arguments, *arguments, env={**environment, **program.environment}
    )
    loop.add_signal_handler(signal.SIGTERM, client.terminate)
    try:
        code = await client.wait()
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        loop.remove_signal_handler(signal.SIGTERM)
    return code if code >= 0 else 128 - code
