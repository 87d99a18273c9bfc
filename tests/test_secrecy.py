"""The guard itself, put to the test: leaks are planted in runs of their own, and must fail them."""

import base64
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent, indent
from urllib.parse import quote, urlencode

import pytest

from tests.secrecy import CANARY, canary, find, find_in_file

_ROOT = Path(__file__).parent.parent
_PREAMBLE = """
import logging, os, socket, subprocess, warnings
import pytest
from tests.secrecy import CANARY
from tests.servers.recorder import Recorder

def test_planted(artefacts):
"""
# Each in a test that would pass without the guard; and the words by which the leak is told.
_LEAKS = {
    "log file": (
        "(artefacts / 'keyless.log').write_text('password=' + CANARY)",
        "the file keyless.log: part, plain",
    ),
    "file name": (
        "(artefacts / CANARY[:19].replace('/', '-')).touch()",
        "a place whose name holds it: part",
    ),
    "bytes a client received": (
        """
        with socket.create_server(("127.0.0.1", 0)) as upstream:
            with Recorder(upstream.getsockname(), artefacts, "psql") as recorder:
                with socket.create_connection(("127.0.0.1", recorder.port)) as client:
                    accepted, _ = upstream.accept()
                    with accepted:
                        accepted.sendall(b"E" + CANARY.encode("utf-16-le"))
                    while client.recv(100):
                        pass
        """,
        "the file psql-1.received: utf-16",
    ),
    "argument": (
        "subprocess.run(['true', '--password=' + CANARY])",
        "the arguments of true: part, plain",
    ),
    "argument of a grandchild": (
        """
        script = 'read -r it; sh -c "sleep 0.6; :" "$it"; :'
        subprocess.run(["sh", "-c", script], input=CANARY.encode())
        """,
        "the arguments of sh: part, plain",
    ),
    "child's environment": (
        "subprocess.run(['true'], env={'PGPASSWORD': CANARY})",
        "the environment of true: part, plain",
    ),
    "environment of a grandchild": (
        """
        script = 'read -r it; PGPASSWORD="$it" sleep 0.6; :'
        subprocess.run(["sh", "-c", script], input=CANARY.encode())
        """,
        "the environment of sleep: part, plain",
    ),
    "inherited environment": (
        "os.environ['PGPASSWORD'] = CANARY; subprocess.run(['true'])",
        "the environment of true: part, plain",
    ),
    "provider's input in a program that is not keyless": (
        "subprocess.run(['true', 'keyless'], env={'KEYLESS_TEST_SECRET_A': CANARY})",
        "the environment of true: part, plain",
    ),
    "a command's input in a program that keyless did not start": (
        "subprocess.run(['true'], env={'KEYLESS_TEST_COMMAND_A': CANARY})",
        "the environment of true: part, plain",
    ),
    "output": ("print('the password is', CANARY)", "stdout call: part, plain"),
    "output of a child": (
        "subprocess.run(['cat'], input=CANARY.encode().hex().encode())",
        "stdout call: hex",
    ),
    "log record": ("logging.warning('login with %s', CANARY)", "log call: part, plain"),
    "warning": ("warnings.warn(CANARY)", "a warning: part, plain"),
    "expected failure": ("pytest.xfail(CANARY)", "(call), its report: part, plain"),
    "reason of a skip": ("pytest.skip(CANARY)", "(call), its report: part, plain"),
}


def _lower(match: re.Match[str]) -> str:
    return match[0].lower()


_ENCODERS: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()),
    "hex": lambda text: text.encode().hex().encode(),
    "hex in capitals": lambda text: text.encode().hex().upper().encode(),
    "url": lambda text: quote(text, safe="").encode(),
    "url of a path": lambda text: quote(text).encode(),
    "url of a form": lambda text: urlencode({"password": text}).encode(),
    "url in small letters": lambda text: re.sub("%..", _lower, quote(text, safe="")).encode(),
    "json": lambda text: json.dumps(text).replace("/", r"\/").encode(),
    "utf-16": lambda text: text.encode("utf-16"),
}


@pytest.mark.parametrize("encoder", _ENCODERS)
@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_every_encoding_is_found_within_something_longer(encoder: str, before: str) -> None:
    found = find(_ENCODERS[encoder](before + canary("-after")))
    assert encoder.partition(" ")[0] in found


def test_a_part_is_found_and_the_innocent_is_not() -> None:
    assert find(b"password c4nary/..." + CANARY[7:19].encode()) == ["part"]
    assert find(b"password c4nary/0123456789abcdef01234567+%") == []


def test_it_is_found_across_the_pieces_a_file_is_read_in(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(b"." * ((1 << 20) - 10) + CANARY.encode() + b"." * (1 << 20))
    assert find_in_file(file) == ["part", "plain"]


@pytest.fixture
def bench(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A suite of its own, whose only plugin is the guard."""
    monkeypatch.setenv("PYTHONPATH", str(_ROOT))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest('pytest_plugins = ["tests.secrecy"]')
    pytester.makeini("[pytest]\ntestpaths = .")
    return pytester


def _plant(bench: pytest.Pytester, statements: str) -> pytest.RunResult:
    bench.makepyfile(test_planted=_PREAMBLE + indent(dedent(statements), "    "))
    return bench.runpytest_subprocess("test_planted.py", timeout=30)


@pytest.mark.parametrize("leak", _LEAKS)
def test_a_planted_leak_fails_the_run(bench: pytest.Pytester, leak: str) -> None:
    statements, told = _LEAKS[leak]
    result = _plant(bench, statements)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes().keys() <= {"passed", "xfailed", "skipped", "warnings"}
    result.stdout.fnmatch_lines([f"LEAK in *{told}", "searched *: 1 leaks"])


def test_the_value_is_not_told_with_the_leak(bench: pytest.Pytester) -> None:
    result = _plant(bench, "(artefacts / 'log').write_text(CANARY)")
    result.stdout.fnmatch_lines(["LEAK in *"])
    result.stdout.no_re_match_line(".*c4nary/[0-9a-f]")


def test_an_exceptions_text_is_a_leak(bench: pytest.Pytester) -> None:
    result = _plant(bench, "raise ValueError(CANARY)")
    result.stdout.fnmatch_lines(
        ["LEAK in test_planted.py::test_planted (call), its report: *plain"]
    )


def test_an_error_at_import_is_a_leak(bench: pytest.Pytester) -> None:
    bench.makepyfile(test_planted=_PREAMBLE.partition("def")[0] + "raise ValueError(CANARY)")
    result = bench.runpytest_subprocess("test_planted.py", timeout=30)
    result.stdout.fnmatch_lines(["LEAK in test_planted.py (collection), its report: *plain"])


def test_a_clean_run_passes(bench: pytest.Pytester) -> None:
    keyless = bench.path / "keyless"
    keyless.write_text(f"#!{sys.executable}\nimport time; time.sleep(0.6)")
    keyless.chmod(0o700)
    result = _plant(
        bench,
        """
        (artefacts / "keyless.log").write_text("nothing")
        subprocess.run(["./keyless", "serve"], env={"KEYLESS_TEST_SECRET_A": CANARY}, check=True)
        """,
    )
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        ["searched 1 files (7 bytes), 1 running processes and 1 starts: no leaks"]
    )


def test_what_a_command_is_given_is_no_leak(bench: pytest.Pytester) -> None:
    result = _plant(
        bench,
        """
        script = 'read -r it; KEYLESS_TEST_COMMAND_A="$it" sleep 0.6; :'
        subprocess.run(["sh", "-c", script], input=CANARY.encode())
        """,
    )
    assert result.ret == pytest.ExitCode.OK


def test_a_whole_suite_in_which_nothing_was_searched_fails(bench: pytest.Pytester) -> None:
    bench.makepyfile(test_nothing="def test_nothing(): pass\ndef test_more(): pass")
    result = bench.runpytest_subprocess(timeout=30)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["The whole suite ran, and no file or no process *"])
    assert bench.runpytest_subprocess("-k", "more", timeout=30).ret == pytest.ExitCode.OK
