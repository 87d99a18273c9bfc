"""Interleaved rounds, what one of them costs, and what programs say."""

import os
import time

import pytest

from bench.findings import Finding
from bench.peers import Peer
from bench.rounds import Case, Done, measure, number, percentile

_PEERS = [Peer("direct", 1), Peer("other", 2)]


def test_every_peer_has_its_turn_in_each_round_and_each_is_the_first_in_turn() -> None:
    asked: list[str] = []

    def run(peer: Peer) -> Done:
        asked.append(peer.name)
        return Done(10, speed=float(len(asked)), p99=1.5)

    direct, other = measure(Case("work", "case", "things/s"), run, _PEERS, 3)
    assert asked == ["direct", "other", "other", "direct", "direct", "other"]
    assert [sample["speed"] for sample in direct.samples] == [1, 4, 5]
    assert [sample["speed"] for sample in other.samples] == [2, 3, 6]
    assert (other.work, other.case, other.peer, other.unit) == ("work", "case", "other", "things/s")
    assert (other.main, other.median("p99 ms"), other.median("p50 ms")) == ("speed", 1.5, None)
    assert (other.median("cpu us"), other.failures) == (0.0, [])


def test_time_is_that_of_the_proxy_and_of_the_machine_for_each_that_was_done() -> None:
    peer = Peer("us", 1, pid=os.getpid())

    def run(_: Peer) -> Done:
        end = time.process_time() + 0.3
        while time.process_time() < end:
            pass
        return Done(1000, p50=2.0, wrong="it was not right")

    (found,) = measure(Case("work", "case", "ms"), run, [peer], 1)
    assert found.main == "p50 ms"
    assert found.failures == ["it was not right"]
    told = _told(found, "cpu us")
    assert told == pytest.approx(_told(found, "user us") + _told(found, "system us"))
    assert 200 < told < 600
    assert _told(found, "machine us") > 200


def test_a_number_is_found_or_the_text_is_told() -> None:
    assert number(r"tps = ([\d.]+)", "tps = 1.5 (without)") == 1.5
    with pytest.raises(AssertionError, match="nothing"):
        number(r"tps = ([\d.]+)", "nothing of that kind")


def test_a_percentile_is_one_of_the_figures() -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], 50) == 3.0
    assert percentile([1.0], 99) == 1.0


def _told(found: Finding, figure: str) -> float:
    median = found.median(figure)
    assert median is not None
    return median
