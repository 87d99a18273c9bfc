"""A statement's text as the audit tells it: cut where it is long, and without passwords."""

from hashlib import sha256
from struct import unpack

from protocols.postgres.parameters import Parameters
from protocols.postgres.redaction import may_say_password, redact
from protocols.postgres.values import readable

_SEAM = 8  # bytes in which a word may begin that ends in the next piece
_OVERHEAD = 400  # bytes of memory of what counts a text
_MAX_TYPES = 1_000  # of parameters; of no more are the values told


class LongText:
    """Counts and digests a text of which only the beginning is kept, as it passes; and keeps what a
    Parse says of types behind it."""

    def __init__(self, beginning: bytes) -> None:
        self._sha = sha256(beginning)
        self._seam = beginning[-_SEAM:]
        self._ended = False
        self._says_none = not may_say_password(beginning)
        self._behind = bytearray()
        self.size = len(beginning)

    @property
    def says_no_password(self) -> bool:
        return self._ended and self._says_none

    @property
    def digest(self) -> str | None:
        """The SHA-256 of the whole text; None where a password could be guessed by it."""
        return self._sha.hexdigest() if self.says_no_password else None

    @property
    def types(self) -> bytes:
        return read_types(bytes(self._behind))

    @property
    def weight(self) -> int:
        """About how many bytes of memory it takes, once it has ended."""
        return _OVERHEAD + len(self._behind)

    def take(self, piece: bytes | memoryview) -> None:
        """Read on; a NUL ends the text."""
        if self._ended:
            self._keep_behind(bytes(piece))
            return
        text, end, behind = bytes(piece).partition(b"\0")
        self._keep_behind(behind)
        self._sha.update(text)
        self._says_none = self._says_none and not may_say_password(self._seam + text)
        self._seam = (self._seam + text)[-_SEAM:]
        self._ended = bool(end)
        self.size += len(text)

    def _keep_behind(self, piece: bytes) -> None:
        self._behind += piece[: 2 + 4 * _MAX_TYPES - len(self._behind)]


class Statement:
    """A statement's text, or its beginning and the whole of it as far as that is told.

    `types` are those of its parameters, OIDs of 4 bytes as they came: as numbers they would take
    nine times the memory. A portal is its statement with the parameters that it was bound to.
    """

    __slots__ = ("_told", "parameters", "text", "types", "whole")

    def __init__(
        self,
        text: bytes = b"",
        whole: LongText | None = None,
        types: bytes = b"",
        parameters: Parameters | None = None,
        told: str | None = None,
    ) -> None:
        self.text = text
        self.whole = whole
        self.types = types
        self.parameters = parameters
        self._told = told

    @property
    def told(self) -> str:
        """Without the passwords that it says."""
        if self._told is None:
            cut = self.whole is not None
            try:
                text = self.text.decode()
            except UnicodeDecodeError:
                text = readable(self.text, cut=cut)
            self._told = redact(text, cut=cut) if may_say_password(self.text) else text
        return self._told

    @property
    def size(self) -> int:
        """Of the whole text, in bytes."""
        return len(self.text) if self.whole is None else self.whole.size

    @property
    def digest(self) -> str | None:
        """Of the whole text, where it is cut."""
        if self.whole is None or self.whole.size == len(self.text):
            return None
        return self.whole.digest

    @property
    def parameters_told(self) -> tuple[str | None, ...] | None:
        if self.parameters is None:
            return None
        types = self.types or (self.whole.types if self.whole else b"")
        oids = unpack(f">{len(types) // 4}I", types)
        return self.parameters.told(oids, secret=not self._says_no_password)

    @property
    def weight(self) -> int:
        """About how many bytes of memory it takes."""
        whole = 0 if self.whole is None else self.whole.weight
        parameters = 0 if self.parameters is None else self.parameters.weight
        return len(self.text) + len(self.types) + whole + parameters

    def described(self, types: bytes) -> "Statement":
        """The same, with these types of its parameters."""
        return Statement(self.text, self.whole, types, self.parameters, self._told)

    def bound(self, parameters: Parameters | None) -> "Statement":
        """The portal that a Bind makes of it."""
        if parameters is None:
            return self
        return Statement(self.text, self.whole, self.types, parameters, self.told)

    def shortened(self, length: int) -> "Statement":
        """So much of its text, and of its parameters only how many they are."""
        whole = self.whole
        if whole is None and len(self.text) > length:
            whole = LongText(self.text)
            whole.take(b"\0")
        parameters = self.parameters and self.parameters.counted()
        return Statement(self.text[:length], whole, b"", parameters)

    @property
    def _says_no_password(self) -> bool:
        """For certain: of an unknown text, nobody can tell."""
        if self.whole is not None:
            return self.whole.says_no_password
        return self.text != b"" and not may_say_password(self.text)


def read_types(counted: bytes) -> bytes:
    """The OIDs of a Parse or ParameterDescription, as far as they are there and needed."""
    count = min(int.from_bytes(counted[:2], "big"), max(0, len(counted) - 2) // 4, _MAX_TYPES)
    return counted[2 : 2 + 4 * count]


UNKNOWN = Statement()  # of a portal or statement that SQL made, or that the audit has forgotten
