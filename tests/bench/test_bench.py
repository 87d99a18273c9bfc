"""The program with little, before real servers: `make bench` does the same with much."""

import json
import subprocess
import sys
from pathlib import Path

from bench.findings import Result


def _bench(folder: Path, *options: str) -> Result:
    command = [sys.executable, "-m", "bench", "--quick", "--rounds=1", "--seconds=1"]
    output = folder / "bench"
    subprocess.run([*command, *options, "--output", str(output)], check=True, timeout=300)
    assert (output.with_suffix(".png")).read_bytes().startswith(b"\x89PNG")
    assert "## queries" in output.with_suffix(".md").read_text()
    return Result.read(json.loads(output.with_suffix(".json").read_text()))


def test_keyless_is_measured_beside_its_peers(tmp_path: Path) -> None:
    result = _bench(tmp_path, "--only=queries", "--clients=2")
    for case in ("simple, 2 clients", "prepared, 2 clients"):
        direct, keyless, haproxy = (
            result.one("queries", case, peer) for peer in ("direct", "keyless", "haproxy")
        )
        assert direct is not None
        assert keyless is not None
        assert haproxy is not None
        assert (keyless.ratio(direct, "speed") or 0) > 0
        assert (keyless.median("cpu us") or 0) > 0
    assert {"keyless", "haproxy", "postgres"} <= result.programs.keys()
    assert result.machine["cores"]
