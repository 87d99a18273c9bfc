"""A campaign finds what is planted, keeps it small in a file, and shows the same every time."""

import itertools
from pathlib import Path

import pytest
from click.testing import CliRunner

from protocols.api import Side
from tests.fuzz import __main__ as program
from tests.fuzz.campaign import Campaign
from tests.fuzz.conversation import Conversation, Step, read
from tests.fuzz.findings import replay
from tests.fuzz.postgres.framing import MESSAGES, SESSION
from tests.fuzz.report import Report
from tests.fuzz.target import Checked, Target
from tests.protocols.postgres.queries import READY, SYNC, extended, query

_SEEDS = [
    Conversation((Step(Side.CLIENT, query("SELECT 1")), Step(Side.UPSTREAM, READY))),
    Conversation((Step(Side.CLIENT, extended("SELECT 2") + SYNC),)),
]


def _parser(conversation: Conversation) -> Checked:
    """A parser whose fault is two Syncs in a row."""
    said = MESSAGES.split(conversation.said(Side.CLIENT))
    for one, other in itertools.pairwise(said):
        if one == other == SYNC:
            raise KeyError("two Syncs")
    return Checked(len(said), len(said))


_TARGET = Target(name="planted", check=_parser, framing=SESSION, seeds=_SEEDS)


def _run(folder: Path, seed: int = 1, messages: int = 30_000) -> Report:
    return Campaign([_TARGET], messages, seed, folder).run()


def test_what_is_planted_is_found_and_kept(tmp_path: Path) -> None:
    report = _run(tmp_path)
    (path,) = (Path(file) for file, error in report.findings.items() if "KeyError" in error)
    assert report.findings[str(path)] == "KeyError: 'two Syncs'"
    assert read(path.read_text()).said(Side.CLIENT) == SYNC + SYNC
    found = replay(path, [_TARGET])
    assert found is not None
    assert found.error == "KeyError: 'two Syncs'"


def test_what_is_mended_keeps_its_promises(tmp_path: Path) -> None:
    path = next(Path(file) for file, error in _run(tmp_path).findings.items() if "Key" in error)
    mended = Target(name="planted", check=lambda _: Checked(1, None), framing=SESSION, seeds=_SEEDS)
    assert replay(path, [mended]) is None


@pytest.mark.parametrize(("taken", "found"), [(1 << 19, False), (2 << 20, True)])
def test_memory_that_is_out_of_proportion_is_found(tmp_path: Path, taken: int, found: bool) -> None:
    target = Target(
        name="planted",
        check=lambda _: Checked(len(bytes(taken)), None),
        framing=SESSION,
        seeds=_SEEDS,
    )
    errors = Campaign([target], 1, 1, tmp_path).run().findings.values()
    assert any("bytes of memory, more than" in error for error in errors) == found


def test_a_seed_shows_the_same_every_time(tmp_path: Path) -> None:
    reports = [_run(tmp_path / name, seed, 3_000) for name, seed in (("a", 1), ("b", 1), ("c", 2))]
    shown = [(report.figures[0].conversations, report.figures[0].bytes) for report in reports]
    assert shown[0] == shown[1] != shown[2]
    assert all(report.messages >= 3_000 for report in reports)


def test_the_program_tells_figures_and_fails_on_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "KINDS", {"postgres": lambda _: [_TARGET]})
    told = CliRunner().invoke(
        program.main,
        ["--messages", "30000", "--found", str(tmp_path), "--json", str(tmp_path / "figures")],
    )
    assert told.exit_code == 1
    assert "planted" in told.output
    assert "FOUND" in told.output
    assert '"messages": 3' in (tmp_path / "figures").read_text()
    kept = next(tmp_path.glob("planted-*.txt"))
    again = CliRunner().invoke(program.main, ["--replay", str(kept)])
    assert again.exit_code == 1
    assert "KeyError: 'two Syncs'" in again.output
