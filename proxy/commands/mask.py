"""Takes secret values out of a stream of bytes, however the stream is cut. No reading, no writing.

A value is looked for as it is and as it is often written: each of its lines, JSON, URL-encoded and
base64, whatever else that begins or ends with.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

SHORTEST = 4
"""Characters. What is shorter is in too many words that are no secret."""
_MASKED = b"***"


class Mask:
    """Of one stream. Bytes that may be a value's beginning wait for those that tell; no others."""

    def __init__(self, values: Iterable[str]) -> None:
        forms = {form for value in values for form in _forms(value) if len(form) >= SHORTEST}
        self._forms = sorted(forms, key=lambda form: (-len(form), form))
        either = b"|".join(map(re.escape, self._forms))
        self._pattern = re.compile(either or rb"(?!)")
        self._waiting = b""

    def feed(self, chunk: bytes) -> bytes:
        """What can be shown by now. Of several values in one place, the longest counts."""
        data = self._waiting + chunk
        shown = []
        begin = 0
        undecided = self._find_undecided(data, begin)
        while (found := self._pattern.search(data, begin)) and found.start() < undecided:
            shown += [data[begin : found.start()], _MASKED]
            begin = found.end()
            if begin > undecided:
                undecided = self._find_undecided(data, begin)
        shown.append(data[begin:undecided])
        self._waiting = data[undecided:]
        return b"".join(shown)

    def end(self) -> bytes:
        """What waited in vain."""
        waiting, self._waiting = self._waiting, b""
        return self._pattern.sub(_MASKED, waiting)

    def _find_undecided(self, data: bytes, begin: int) -> int:
        """From where on all of the rest may be the beginning of something longer."""
        earliest = len(data)
        for form in self._forms:
            at = max(begin, len(data) - len(form) + 1)
            while (at := data.find(form[:1], at, earliest)) >= 0:
                if form.startswith(data[at:]):
                    earliest = at
                    break
                at += 1
        return earliest


def _forms(value: str) -> Iterator[bytes]:
    lines = value.splitlines()
    for text in {value, "\r\n".join(lines), *lines}:
        yield text.encode()
    yield json.dumps(value)[1:-1].encode()
    yield json.dumps(value, ensure_ascii=False)[1:-1].encode()
    for quoted in (quote(value, safe=""), quote(value), quote_plus(value)):
        yield quoted.encode()
    yield from _base64_forms(value.encode())


def _base64_forms(raw: bytes) -> Iterator[bytes]:
    """What base64 makes of it behind 0, 1 or 2 other bytes, less the ends that depend on others."""
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + raw)
        certain = encoded[(0, 2, 3)[offset] : (offset + len(raw)) * 8 // 6]
        yield certain
        yield certain.translate(bytes.maketrans(b"+/", b"-_"))
