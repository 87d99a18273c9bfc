"""Runs a client's program through a peer; where it fails, all ends, with what it said."""

import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from bench.peers import Peer


def run(command: Sequence[str], peer: Peer, environment: Mapping[str, str], **options: Any) -> str:
    """What it prints, unless the options send that elsewhere."""
    done = subprocess.run(
        command,
        check=False,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(environment),
        **{"stdout": subprocess.PIPE, **options},
    )
    told = str(done.stdout or "")
    if done.returncode:
        words = f"{told[-300:]}{done.stderr[-500:]}"
        raise SystemExit(f"{' '.join(command)[:300]}, through {peer.name}, failed: {words}")
    return told
