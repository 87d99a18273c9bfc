"""A table in Markdown."""

from collections.abc import Iterable, Sequence


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Its lines."""
    return [_row(headings), _row(["---"] * len(headings)), *map(_row, rows)]


def _row(columns: Sequence[str]) -> str:
    return f"| {' | '.join(columns)} |"
