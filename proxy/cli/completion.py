"""`keyless completion`: what a shell needs to complete the command line."""

import click
from click.shell_completion import get_completion_class


@click.command(short_help="Print a shell's completion script.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes `keyless` in SHELL.

    For bash: keyless completion bash > ~/.local/share/bash-completion/completions/keyless
    """
    shell_completion = get_completion_class(shell)
    assert shell_completion is not None
    root = context.find_root().command
    click.echo(shell_completion(root, {}, "keyless", "_KEYLESS_COMPLETE").source())
