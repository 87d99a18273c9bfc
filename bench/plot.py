"""A result as a picture: for each case, how each peer compares with the way without a proxy."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from bench.findings import Finding, Result, cases

_ROW = 0.22  # inches
_COLOURS = {
    "pgbouncer": "#7b8794",
    "haproxy": "#b0bac5",
    "odyssey": "#c9b79c",
    "mysqlrouter": "#9b8aa5",
}
_OWN_SHADES = ("#0b6e4f", "#3c9d7c", "#79c2a8", "#b3ded0")


def draw(result: Result, file: Path) -> None:
    """As PNG. Cases in which nothing went without a proxy are not in it."""
    bars = [bar for found in cases(result.findings).values() for bar in _bars(found)]
    figure = Figure(figsize=(10, 1.2 + _ROW * max(1, len(bars))), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title("Speed as a part of the direct way's; more is better")
    rows = range(len(bars))
    axes.barh(rows, [bar[1] for bar in bars], color=[bar[2] for bar in bars], height=0.8)
    axes.set_yticks(rows, [bar[0] for bar in bars], fontsize=7)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.invert_yaxis()
    axes.margins(y=0.01)
    axes.grid(axis="x", linewidth=0.3)
    told = f"{result.machine.get('cpu', '')}, {result.machine.get('cores', '')} cores"
    axes.set_xlabel(f"{told}; {result.run.get('begun', '')}", fontsize=7)
    figure.savefig(file, dpi=120)


def _bars(found: Sequence[Finding]) -> list[tuple[str, float, str]]:
    direct = next((one for one in found if one.peer == "direct"), None)
    if direct is None:
        return []
    bars, ours = [], iter(_OWN_SHADES)
    for one in found:
        ratio = one.ratio(direct, one.main)
        if one is direct or ratio is None:
            continue
        if one.peer.startswith("keyless"):
            colour = next(ours, _OWN_SHADES[-1])
        else:
            colour = _COLOURS.get(one.peer.partition(" ")[0], "#cccccc")
        bars.append((f"{one.work}, {one.case}: {one.peer}", ratio, colour))
    return bars
