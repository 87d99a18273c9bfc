"""Medians and ratios of rounds, and one short run of each program before real servers."""

import json
import subprocess
import sys

import pytest

from bench.peers import Peer
from bench.rounds import Done, measure, number

_PEERS = [Peer("direct", 1), Peer("other", 2)]


def test_only_runs_of_one_round_are_compared() -> None:
    speeds = iter([100.0, 50.0, 10.0, 9.0, 40.0, 20.0])  # of a machine that is slow in between
    asked: list[str] = []

    def run(peer: Peer) -> Done:
        asked.append(peer.name)
        return Done(transactions=10, tps=next(speeds), p99=1.5)

    direct, other = measure("work", run, _PEERS, 3, ("direct", "missing"))
    assert asked == ["direct", "other"] * 3
    assert (direct.tps, other.tps) == (40.0, 20.0)
    assert direct.ratios == {"direct": 1.0}
    assert other.ratios == {"direct": 0.5}
    assert direct.spread == pytest.approx(45 / 40)
    assert (other.p99, other.user, other.system) == (1.5, 0.0, 0.0)


def test_a_number_is_found_or_the_text_is_told() -> None:
    assert number(r"tps = ([\d.]+)", "tps = 1.5 (without)") == 1.5
    with pytest.raises(AssertionError, match="nothing"):
        number(r"tps = ([\d.]+)", "nothing of that kind")


@pytest.mark.parametrize("program", ["queries", "transactions --database mariadb"])
def test_the_programs_measure_keyless_beside_its_peers(program: str) -> None:
    options = ["--rounds=1", "--seconds=1", "--clients=2", "--json"]
    command = [sys.executable, "-m", *f"bench.{program}".split(), *options]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout
    findings = json.loads(told)
    assert {"direct", "keyless", "haproxy"} <= {found["peer"] for found in findings}
    assert all(found["tps"] > 0 and found["ratios"]["direct"] > 0 for found in findings)
    assert all(found["user"] > 0 for found in findings if found["peer"] == "keyless")
