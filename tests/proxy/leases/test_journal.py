"""What a process notes of its leases is there for the next one, however it came to its end."""

from contextlib import closing
from pathlib import Path

import pytest

from proxy.leases.journal import Journal, LeaseName, abandoned
from tests.proxy.leases.conftest import StartProcess

_FIRST, _SECOND = ("standin", "database/creds/app/1"), ("standin", "database/creds/app/2")
_ODD = ("standin", 'of "two"\nlines\u2028 and ünïcode')


def _found(folder: Path) -> list[set[LeaseName]]:
    """What is live in each journal that nobody holds any more."""
    found = []
    for journal in abandoned(folder):
        found.append(set(journal.live))
        journal.close()
    return found


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def test_nothing_is_left_where_all_leases_have_ended(folder: Path) -> None:
    journal = Journal(folder)
    journal.begun(_FIRST)
    assert len(_files(folder)) == 1
    journal.ended(_FIRST)
    journal.close()
    assert _files(folder) == []


def test_what_is_live_at_the_end_is_the_next_ones_to_find(folder: Path) -> None:
    journal = Journal(folder)
    for lease in (_FIRST, _SECOND, _ODD):
        journal.begun(lease)
    journal.ended(_SECOND)
    journal.close()
    assert _found(folder) == [{_FIRST, _ODD}]
    assert _found(folder) == [{_FIRST, _ODD}]  # for nobody has ended them


def test_nobody_else_may_read_it(folder: Path) -> None:
    with closing(Journal(folder)) as journal:
        journal.begun(_FIRST)
        (file,) = _files(folder)
        assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)


def test_a_process_does_not_take_its_own(folder: Path) -> None:
    with closing(Journal(folder)) as journal:
        journal.begun(_FIRST)
        assert _found(folder) == []
        assert len(_files(folder)) == 1


def test_a_live_processes_journal_is_left_alone(folder: Path, start_process: StartProcess) -> None:
    start_process("one")
    (file,) = _files(folder)
    before = file.read_bytes()
    assert _found(folder) == []
    assert file.read_bytes() == before


def test_a_killed_ones_is_taken_over(folder: Path, start_process: StartProcess) -> None:
    living, dead = start_process("living"), start_process("one", "two")
    dead.kill()
    dead.wait()
    assert _found(folder) == [{("standin", "one"), ("standin", "two")}]
    living.kill()
    living.wait()
    assert len(_found(folder)) == 2


def test_two_successors_do_not_share_one(folder: Path, start_process: StartProcess) -> None:
    dead = start_process("one")
    dead.kill()
    dead.wait()
    taken = next(abandoned(folder))
    assert _found(folder) == []
    taken.ended(("standin", "one"))
    taken.close()
    assert _files(folder) == []


def test_what_a_successor_could_not_end_is_left_for_the_one_after_it(
    folder: Path, start_process: StartProcess
) -> None:
    dead = start_process("one", "two")
    dead.kill()
    dead.wait()
    with closing(next(abandoned(folder))) as taken:
        taken.ended(("standin", "one"))
    assert _found(folder) == [{("standin", "two")}]


@pytest.mark.parametrize("bytes_lost", range(1, 48, 5))
def test_a_line_that_was_being_written_is_passed_over(folder: Path, bytes_lost: int) -> None:
    journal = Journal(folder)
    journal.begun(_FIRST)
    journal.begun(_SECOND)
    journal.close()
    (file,) = _files(folder)
    file.write_bytes(file.read_bytes()[:-bytes_lost])
    whole = bytes_lost == 1  # but for the end of the line
    assert _found(folder) == [{_FIRST, _SECOND} if whole else {_FIRST}]


def test_without_a_folder_there_is_none(folder: Path) -> None:
    assert _found(folder) == []
    assert not folder.exists()
