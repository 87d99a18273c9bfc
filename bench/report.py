"""A result as people read it: one table for each work, in Markdown."""

from collections.abc import Iterator, Mapping, Sequence

from bench.findings import Finding, Result
from bench.markdown import table

_BASES = ("direct", "pgbouncer", "haproxy", "odyssey", "mysqlrouter")


def markdown(result: Result) -> str:
    lines = ["# Keyless beside its peers", ""]
    lines += _pairs(result.run)
    lines += ["", *_pairs(result.machine), "", *_pairs(result.programs), ""]
    lines += [f"- left out: {what}" for what in result.left_out]
    works = dict.fromkeys(finding.work for finding in result.findings)
    for work in works:
        lines += ["", *_work(work, [one for one in result.findings if one.work == work], result)]
    return "\n".join(lines) + "\n"


def line(finding: Finding) -> str:
    """One finding, for whoever waits for the whole."""
    middle = finding.median(finding.main) or 0.0
    told = f"{finding.work}, {finding.case}, {finding.peer}: {_short(middle)} {finding.unit}"
    return f"{told} +- {finding.spread:.0%}"


def _pairs(told: Mapping[str, str]) -> list[str]:
    return table(("", ""), told.items())


def _work(work: str, findings: Sequence[Finding], result: Result) -> Iterator[str]:
    """Its heading, its table and its failures. Ratios are of the first figure."""
    names = {finding.peer for finding in findings}
    bases = [base for base in _BASES if base in names]
    figures = dict.fromkeys(name for finding in findings for name in finding.samples[0])
    mains = {finding.main for finding in findings}
    more = [name for name in figures if name not in mains]
    yield f"## {work}"
    yield ""
    headings = ["case", "peer", "", "", "+-", *(f"of {base}" for base in bases)]
    rows = (_columns(finding, bases, more, result) for finding in findings)
    yield from table([*headings, *more], rows)
    failures = [failure for finding in findings for failure in finding.failures]
    yield from ["", *(f"- {failure}" for failure in failures)] if failures else []


def _columns(
    finding: Finding, bases: Sequence[str], more: Sequence[str], result: Result
) -> list[str]:
    middle = _short(finding.median(finding.main))
    columns = [finding.case, finding.peer, middle, finding.unit, f"{finding.spread:.0%}"]
    for base in bases:
        other = result.one(finding.work, finding.case, base)
        ratio = finding.ratio(other, finding.main) if other else None
        columns.append("-" if ratio is None else f"{ratio:.2f}")
    return columns + [_short(finding.median(name)) for name in more]


def _short(figure: float | None) -> str:
    """As many digits as mean something."""
    if figure is None:
        return "-"
    if abs(figure) >= 100:
        return f"{figure:.0f}"
    return f"{figure:.1f}" if abs(figure) >= 10 else f"{figure:.2f}"
