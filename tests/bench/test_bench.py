"""The programs with little, before real servers: `make bench` does the same with much."""

import json
import subprocess
import sys
from pathlib import Path

from bench.findings import Finding, Result

_LITTLE = ("--quick", "--rounds=1", "--seconds=1", "--clients=2")


def _run(program: str, *options: str, code: int = 0) -> str:
    command = [sys.executable, "-m", program, *options]
    done = subprocess.run(command, check=False, timeout=300, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done.stdout


def _measured(told: Result, work: str, case: str, peer: str) -> Finding:
    found = told.one(work, case, peer)
    assert found is not None
    return found


def test_keyless_is_measured_beside_its_peers(tmp_path: Path) -> None:
    output = tmp_path / "bench"
    works = ("--only=queries", "--only=mariadb", "--only=connects")
    told = _run("bench", *_LITTLE, *works, "--output", str(output))
    assert output.with_suffix(".md").read_text() == told[:-1]
    assert output.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    file = output.with_suffix(".json")
    result = Result.read(json.loads(file.read_text()))
    for work, case in (
        ("queries", "simple, 2 clients"),
        ("queries", "prepared, 2 clients"),
        ("mariadb", "oltp_point_select, 2 clients"),
        ("mariadb", "LOAD DATA LOCAL"),
        ("connects", "8 clients"),
    ):
        direct = _measured(result, work, case, "direct")
        keyless = _measured(result, work, case, "keyless")
        assert (keyless.ratio(direct, "speed") or 0) > 0
        assert (keyless.ratio(_measured(result, work, case, "haproxy"), "machine us") or 0) > 0
        assert (keyless.median("cpu us") or 0) > 0
        assert (direct.median("cpu us") or 0) == 0
    assert {"keyless", "haproxy", "postgres", "mariadb"} <= result.programs.keys()
    assert "0 fell" in _run("bench.check", str(file), "--against", str(file))
