"""The machine that all is measured on: what it is, and how busy it was meanwhile."""

import os
import platform
import resource
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_TICK = os.sysconf("SC_CLK_TCK")


def described() -> dict[str, str]:
    """What absolute figures depend on."""
    told = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in told if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory / (1 << 30):.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def allow_many_files() -> None:
    """For us and for what we start: as many open ones as the system lets us have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@dataclass(frozen=True, slots=True)
class Moment:
    """The processors' seconds so far, of all cores: at work, stolen by other machines, and all."""

    busy: float
    stolen: float
    total: float

    @classmethod
    def now(cls) -> Self:
        line = Path("/proc/stat").read_text().partition("\n")[0]
        # guest time, the last two, is in user time as well
        user, nice, system, idle, waiting, hard, soft, stolen = map(int, line.split()[1:9])
        busy = user + nice + system + hard + soft
        return cls(busy / _TICK, stolen / _TICK, (busy + idle + waiting + stolen) / _TICK)

    def busy_since(self, before: "Moment") -> float:
        """In seconds."""
        return self.busy - before.busy

    def stolen_since(self, before: "Moment") -> float:
        """As a part of all."""
        return (self.stolen - before.stolen) / max(self.total - before.total, 1 / _TICK)
