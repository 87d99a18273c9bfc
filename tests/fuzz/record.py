"""Record a kind's corpus anew, from real servers: `python -m tests.fuzz.record --kind postgres`."""

from collections.abc import Callable, Iterator, Mapping

import click

from tests.fuzz.conversation import write
from tests.fuzz.kinds import CORPUS
from tests.fuzz.mysql.recorded import recordings as of_mysql
from tests.fuzz.postgres.recorded import recordings as of_postgres
from tests.fuzz.recording import Recording
from tests.fuzz.ssh.recorded import recordings as of_ssh

_RECORDINGS: Mapping[str, Callable[[], Iterator[Recording]]] = {
    "postgres": of_postgres,
    "mysql": of_mysql,
    "ssh": of_ssh,
}


@click.command(help=__doc__)
@click.option("--kind", type=click.Choice(list(_RECORDINGS)), required=True)
def main(kind: str) -> None:
    for it in _RECORDINGS[kind]():
        folder = CORPUS / kind / it.folder
        folder.mkdir(parents=True, exist_ok=True)
        comment = f"{it.name}: {it.about} by python -m tests.fuzz.record --kind {kind}"
        path = folder / f"{it.name}.txt"
        path.write_text(write(it.conversation, it.framing, comment))
        click.echo(f"{it.folder}/{it.name}: {it.conversation.size} bytes")


if __name__ == "__main__":
    main()
