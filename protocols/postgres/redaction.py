"""Takes passwords out of a statement's text, or a parameter's, before it is audited.

Best effort beside the server's own rules: SQL can build a password out of pieces. What is taken out
never goes beyond the literal that it stands in, or anybody could keep what he runs from being told.
"""

import re
from collections.abc import Iterator

from protocols.octets import says_password
from protocols.postgres.lexing import Kind, Segment, segments

_MAX_DEPTH = 4  # of strings within strings
_OPERATORS = frozenset({"=>", ":=", "=", ":"})
# password=x and ://user:x@, as in connection strings. In code only what calls nothing is one.
_KEYWORD = re.compile(r"(password\s*+=\s*+)(?![>'$]|\*\*\*)(?:\\.|[^\s'\";,\\])+", re.I)
_WORD = re.compile(r"(password\s*+=\s*+)(?!\*\*\*)[\w=]++(?![.(])", re.I)
_URI = re.compile(r"(://[^\s:@/'\"]*+:)[^\s@/'\"]++(?=@)")
_CODE_URI = re.compile(r"(://[^\s:@/'\"]*+:)[^\s@/'\"();,$]++(?=@)")
_CUT_URI = re.compile(r"(://[^\s:@/'\"]*+:)[^\s@/'\"]++(?=@|\Z)")
_ESCAPED_QUOTE = re.compile(r"\\(['\"])")


def may_say_password(text: bytes) -> bool:
    """Whether there is anything to look for in it."""
    return says_password(text)


def redact(statement: str, cut: bool = False) -> str:
    """The statement with `'***'` where it says a password; `cut`: there was more of it."""
    return "".join(_Redaction(cut).code(statement)) if _may_say(statement) else statement


def redact_value(value: str, *, cut: bool = False) -> str:
    """The same of what is no statement, such as a connection string."""
    return _Redaction(cut).string(value, within=True) if _may_say(value) else value


def _may_say(text: str) -> bool:
    return "://" in text or "password" in text.lower()


class _Redaction:
    """One text's. What a string says is gone through as the text itself is, to a certain depth."""

    def __init__(self, cut: bool) -> None:
        self._uri = _CUT_URI if cut else _URI
        self._depth = 0

    def string(self, text: str, *, within: bool) -> str:
        if not _may_say(text):
            return text
        text = self._uri.sub(r"\1***", _KEYWORD.sub(r"\1***", text))
        if self._depth == _MAX_DEPTH:
            return text
        self._depth += 1
        text = "".join(self.code(text, within=within))
        self._depth -= 1
        return text

    def code(self, text: str, *, within: bool = False) -> Iterator[str]:
        """A password is the literal behind that word, blanks, comments and an operator."""
        said = colon = False  # that word; and behind it a colon, as in JSON
        for segment in segments(text, within=within):
            kind, _, body, _ = segment
            if kind is Kind.CODE:
                word, operator = _ending(body)
                said, colon = (said if not word else word == "password"), operator == ":"
                yield _CODE_URI.sub(r"\1***", _WORD.sub(r"\1***", body)) if _may_say(body) else body
            elif kind is Kind.COMMENT:
                yield self._rewritten(segment)
            elif kind is Kind.NAME:
                yield '"***"' if said and colon else self._rewritten(segment)
                said = not (said and colon) and body.lower().endswith("password")
            else:
                yield "'***'" if said else self._rewritten(segment)

    def _rewritten(self, segment: Segment) -> str:
        """A segment without the passwords that it says itself."""
        kind, opening, body, closing = segment
        if not _may_say(body):
            return opening + body + closing
        if kind is not Kind.STRING:
            return opening + self.string(body, within=kind is not Kind.DOLLARS) + closing
        text = body.replace("''", "'")
        if opening[0] in "eE":
            text = _ESCAPED_QUOTE.sub(r"\1", text)
        redacted = self.string(text, within=True)
        return opening + (body if redacted == text else redacted.replace("'", "''")) + closing


def _ending(code: str) -> tuple[str, str]:
    """The last word, as far as it matters, and the operator behind it."""
    code = code.rstrip()
    operator = next((end for end in (code[-2:], code[-1:]) if end in _OPERATORS), "")
    return code.removesuffix(operator).rstrip()[-8:].lower(), operator
