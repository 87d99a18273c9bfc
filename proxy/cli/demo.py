"""`keyless demo`: the main job, on servers of its own."""

import sys

import click

from proxy import loop
from proxy.cli.options import fail, set_up_logging


@click.command(short_help="See it work, on servers of its own.")
@click.option("--once", is_flag=True, help="End after the last step instead of opening a prompt.")
def demo(once: bool) -> None:
    """See it work: a PostgreSQL, a secrets provider, and psql let in without a password.

    Needs the extra `keyless[demo]`, no root and no container. Ends with a psql prompt, or by itself
    with --once or where there is no terminal. Nothing of it is left afterwards.
    """
    try:
        from proxy.demo import DemoError, story  # noqa: PLC0415 its servers are an extra
    except ImportError as error:
        fail(f"{error}; install keyless[demo]")
    set_up_logging("warning")
    try:
        loop.run(story.tell(interactive=not once and sys.stdin.isatty() and sys.stdout.isatty()))
    except DemoError as error:
        fail(str(error))
