"""The runner as a program: `python -m tests.conformance --help`."""

import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import click

from proxy.demo import DemoError
from tests.conformance.report import as_json, from_json, markdown, one_line, table
from tests.conformance.runner import Finding, Runner
from tests.conformance.suite import Suite, SuiteError
from tests.conformance.suites import find_suites

_SUITES = find_suites()
_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("suites", metavar="[SUITE]...", nargs=-1, type=click.Choice(list(_SUITES)))
@click.option("--json", "json_file", type=_FILE, help="Keep all there is to know in this file.")
@click.option("--markdown", "markdown_file", type=_FILE, help="Write the table to this file.")
@click.option("--logs", type=_FOLDER, help="Keep the logs of the runs in this folder.")
@click.option("--list", "listed", is_flag=True, help="List the suites.")
def main(
    suites: Sequence[str],
    json_file: Path | None,
    markdown_file: Path | None,
    logs: Path | None,
    listed: bool,
) -> None:
    """Run suites that others wrote directly and through Keyless, all of them if none is named.

    Exits with 1 where a test ends otherwise through Keyless, twice, and nobody has explained why,
    or where a suite could not be run. With --json, the table that --markdown writes also has the
    suites that ran earlier.
    """
    signal.signal(signal.SIGTERM, _leave)
    chosen = [_SUITES[name] for name in suites or _SUITES]
    if listed:
        for suite in chosen:
            click.echo(f"{suite.name}: {suite.about}")
        return
    findings: list[Finding] = []
    for finding in _run(chosen, logs):  # what came of one is not lost with the next
        findings.append(finding)
        told = _with_earlier(findings, json_file) if json_file else findings
        if markdown_file:
            markdown_file.write_text(markdown(told))
    click.echo(table(findings))
    sys.exit(len(findings) < len(chosen) or not all(finding.good for finding in findings))


def _leave(*_: object) -> None:
    """With every server that was started."""
    sys.exit(128 + signal.SIGTERM)


def _run(chosen: Sequence[Suite], logs: Path | None) -> Iterator[Finding]:
    with ExitStack() as stack:
        if logs is None:
            logs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="keyless-")))
        runner = Runner(_cache(), logs.absolute(), partial(click.echo, err=True))
        for suite in chosen:
            if finding := _finding(runner, suite):
                yield finding


def _finding(runner: Runner, suite: Suite) -> Finding | None:
    """What came of it; None if it could not be run."""
    try:
        finding = runner.run(suite)
    except (SuiteError, DemoError) as error:
        click.echo(f"{suite.name}: {error}", err=True)
        return None
    except Exception:  # a suite that is broken does not take the others' findings with it
        click.echo(f"{suite.name}: {traceback.format_exc()}", err=True)
        return None
    for difference in finding.unexplained:
        click.echo(f"  {one_line(difference)}", err=True)
    for difference in finding.once:
        click.echo(f"  once: {one_line(difference)}", err=True)
    for fault in finding.faults:
        click.echo(f"  Keyless: {fault}", err=True)
    for pattern in finding.unused:
        click.echo(f"  explained, but did not differ: {pattern}", err=True)
    return finding


def _with_earlier(findings: list[Finding], file: Path) -> list[Finding]:
    """Write them to `file`, where those of suites that did not run this time stay."""
    known = (
        {finding.suite: finding for finding in from_json(file.read_bytes())}
        if file.exists()
        else {}
    )
    known |= {finding.suite: finding for finding in findings}
    told = [known[name] for name in sorted(known)]
    file.write_bytes(as_json(told))
    return told


def _cache() -> Path:
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "keyless"
    return Path(os.environ.get("KEYLESS_CACHE") or home) / "conformance"


if __name__ == "__main__":
    main()
