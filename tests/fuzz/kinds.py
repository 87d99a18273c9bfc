"""The targets of every kind of protocol that has some."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.fuzz.mysql import targets as mysql_targets
from tests.fuzz.postgres import targets as postgres_targets
from tests.fuzz.ssh import targets as ssh_targets
from tests.fuzz.target import Target

CORPUS = Path(__file__).parent / "corpus"
KINDS: Mapping[str, Callable[[Path], Sequence[Target]]] = {
    "postgres": postgres_targets,
    "mysql": mysql_targets,
    "ssh": ssh_targets,
}
"""By kind: its targets, with the seeds of its folder of the corpus."""
