"""SSH's works with little, as `python -m bench.ssh` does them with much; and what it would tell."""

from pathlib import Path

import pytest

from bench.ssh.__main__ import PARTS, Sizes, run
from bench.ssh.ciphers import CIPHERS
from bench.ssh.findings import Finding, Sample, table
from bench.ssh.ways import Way, world
from bench.ssh.work import Work, measure

_LITTLE = Sizes(file=2, tree=150, stream=1, ciphers=CIPHERS[:1], logins=1, sessions=8, rounds=1)
_WORKS = {
    *("sftp put and rename", "sftp reput and rename", "sftp get", "sftp reget"),
    *("rsync up", "rsync down", "git push", "git clone", "ssh true"),
    *("aes128-gcm up", "aes128-gcm down", "aes128-gcm scp", "8 sessions at once"),
}


def test_every_work_arrives_by_both_ways(artefacts: Path, tmp_path: Path) -> None:
    with world(tmp_path, artefacts / "bench-ssh") as both:
        failures = {one.work: one.failures for one in run(both, PARTS, _LITTLE)}
    assert failures == {work: [] for work in _WORKS}
    audit = (artefacts / "bench-ssh" / "audit.jsonl").read_text()
    assert audit.count('"event":"session.start"') == len(_WORKS) - 1 + _LITTLE.sessions


def test_what_is_wrong_is_told(artefacts: Path, tmp_path: Path) -> None:
    def fails(way: Way) -> list[str]:
        return way.ssh("echo no >&2; exit 3")

    works = (
        Work("fails", 0, fails),
        Work("differs", 0, lambda way: way.ssh("true"), check=lambda: "it is another"),
    )
    with world(tmp_path, artefacts / "bench-ssh-wrong") as both:
        fails_found, differs = measure(works, both.ways, 1)
    assert fails_found.failures == ["direct: exit code 3: no", "through: exit code 3: no"]
    assert differs.failures == ["direct: it is another", "through: it is another"]


def test_ratios_are_of_the_rounds() -> None:
    direct = [Sample(1.0, 0.0), Sample(4.0, 0.0), Sample(2.0, 0.0)]
    through = [Sample(2.0, 0.25), Sample(5.0, 0.5), Sample(8.0, 0.75, "through: wrong")]
    found = Finding.of("work", 1 << 29, direct, through)
    assert (found.direct, found.through, found.cpu) == (2.0, 5.0, 0.5)
    assert found.of_direct == pytest.approx(0.5)
    row, failure = table([found]).splitlines()[2:]
    assert row == "| work | 2.000 | 5.000 | 102 | 0.50 | 0.50 | 1.00 | 1 |"
    assert failure == "- work: through: wrong"
