"""One short run of each program that measures workers and crowds."""

import json
import subprocess
import sys

import pytest

from bench.workers import BINARIES


def _told(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command], check=True, capture_output=True, text=True, timeout=300
    )
    return done.stdout


@pytest.mark.skipif(not BINARIES.exists(), reason=f"there is no PostgreSQL in {BINARIES}")
def test_one_worker_beside_two() -> None:
    told = _told("bench.workers", "--rounds=1", "--seconds=1", "--clients=2", "--json")
    findings = json.loads(told)
    assert [found["workers"] for found in findings] == [1, 2] * 3
    assert all(found["ratio"] == 1 for found in findings if found["workers"] == 1)
    assert all(found["tps"] > 0 and found["busy"] > 0 for found in findings)


def test_a_crowd_of_few() -> None:
    told = _told("bench.crowd", "--sessions=12", "--queries=3000", "--workers=2")
    rows = [line.split(" | ") for line in told.splitlines() if line.startswith("| 12")]
    assert [row[1] for row in rows] == ["ten", "all in turn"]
    assert all(float(row[4].rstrip(" |")) > 0 for row in rows)
