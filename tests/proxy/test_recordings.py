"""A recording is its owner's alone to read, and what cannot be recorded is said at once."""

import os
from pathlib import Path

import pytest

from protocols.errors import Reason, Refusal
from proxy.recordings import Recording


def test_it_is_written_at_once(tmp_path: Path) -> None:
    path = tmp_path / "recordings" / "1.cast"
    recording = Recording(path)
    recording.write(b"one\n")
    recording.write(b"two\n")
    assert path.read_bytes() == b"one\ntwo\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    recording.close()


def test_none_takes_anothers_place(tmp_path: Path) -> None:
    (tmp_path / "1.cast").write_text("another")
    with pytest.raises(Refusal, match="cannot record this session") as caught:
        Recording(tmp_path / "1.cast")
    assert caught.value.reason is Reason.AUDIT_UNWRITABLE
    assert (tmp_path / "1.cast").read_text() == "another"


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = Recording(tmp_path / "1.cast")
    full = os.open("/dev/full", os.O_WRONLY)
    monkeypatch.setattr(recording, "_file", full)
    with pytest.raises(Refusal, match="cannot record this session") as caught:
        recording.write(b"one\n")
    assert "No space left on device" in caught.value.detail
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(full)
    recording.close()
