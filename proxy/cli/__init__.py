"""The command `keyless`: one file a command, and nothing here that the proxy itself needs."""

import click

from proxy.cli.audit import audit
from proxy.cli.check import check
from proxy.cli.completion import completion
from proxy.cli.connect import connect
from proxy.cli.demo import demo
from proxy.cli.exec import exec_command
from proxy.cli.roles import roles
from proxy.cli.serve import serve

_EPILOG = """\b
Begin here:
  keyless demo                 see it work, on a database of its own
  keyless check                prove that your keyless.toml works
  keyless connect ROLE         open psql, mysql or ssh on a role
  keyless exec ROLE -- CMD     run a command with a role's secrets
  keyless serve                run the proxy for everybody on this machine

Exit codes: 0 all is well, 1 it did not work, 2 the command line or keyless.toml is wrong;
`connect` hands on its client's own, and `exec` its command's, or 125 if keyless itself failed.
"""


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="keyless")
def main() -> None:
    """Log in to databases and servers with credentials your users never see.

    Point psql, mysql or ssh at a port on localhost and give no password: Keyless reads the real one
    from Vault, AWS Secrets Manager or an environment variable at that moment, logs in, relays,
    and audits.
    """


for command in (serve, connect, exec_command, check, roles, audit, demo, completion):
    main.add_command(command)
