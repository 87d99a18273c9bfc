"""A result as a picture: how every peer compares with the way without a proxy, a panel a work."""

from collections.abc import Sequence
from math import ceil
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.findings import SPEED, Finding, Result, cases

_COLUMNS = 2
_ROW = 0.19  # inches
_MOST = 2.0  # of the direct way; what is beyond says how much it is
_OURS = ("#0b6e4f", "#3c9d7c", "#79c2a8", "#b3ded0")
_PEERS = {"pgbouncer": "#5b6770", "haproxy": "#9aa5b1", "odyssey": "#c9b79c"}
_OTHERS = "#9b8aa5"

Bar = tuple[str, float, str]


def draw(result: Result, file: Path) -> None:
    """As PNG. Cases in which nothing went without a proxy are not in it."""
    panels: dict[str, list[Bar]] = {}
    for (work, case), found in cases(result.findings).items():
        if bars := _bars(case, found):
            panels.setdefault(work, []).extend(bars)
    rows = max(1, ceil(len(panels) / _COLUMNS))
    tallest = max((len(bars) for bars in panels.values()), default=1)
    size = (7 * _COLUMNS, rows * (0.8 + _ROW * tallest) + 0.6)
    figure = Figure(figsize=size, layout="constrained")
    told = f"{result.machine.get('cpu', '')}, {result.machine.get('cores', '')} cores"
    figure.suptitle(f"Of the direct way; more is better ({told}; {result.run.get('begun', '')})")
    for place, (work, bars) in enumerate(panels.items(), 1):
        _panel(figure.add_subplot(rows, _COLUMNS, place), work, bars)
    figure.savefig(file, dpi=110)


def _panel(axes: Axes, work: str, bars: Sequence[Bar]) -> None:
    axes.set_title(work, loc="left", fontsize=9, fontweight="bold")
    places = range(len(bars))
    axes.barh(places, [min(ratio, _MOST) for _, ratio, _ in bars], color=[c for *_, c in bars])
    axes.set_yticks(places, [name for name, *_ in bars], fontsize=6)
    axes.tick_params(axis="x", labelsize=6)
    for place, (_, ratio, _) in zip(places, bars, strict=True):
        axes.text(min(ratio, _MOST) + 0.01, place, f"{ratio:.2f}", va="center", fontsize=5)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlim(0, _MOST * 1.08)
    axes.invert_yaxis()
    axes.margins(y=0.01)


def _bars(case: str, found: Sequence[Finding]) -> list[Bar]:
    """Of ms, how much less they are."""
    direct = next((one for one in found if one.peer == "direct"), None)
    ours = iter(_OURS)
    bars = []
    for one in found:
        ratio = one.ratio(direct, one.main) if direct else None
        if one is direct or not ratio:
            continue
        mine = one.peer.startswith("keyless")
        colour = next(ours, _OURS[-1]) if mine else _PEERS.get(one.peer.split()[0], _OTHERS)
        name = f"{case}: {one.peer}"
        bars.append((name, ratio if one.main == SPEED else 1 / ratio, colour))
    return bars
