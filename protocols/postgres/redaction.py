"""Takes passwords out of a statement's text, or a parameter's, before it is audited.

Best effort beside the server's own rules: SQL can build a password out of pieces. A statement may
be made to be slow to search, so every pattern and loop here takes time in proportion to its length:
what may repeat never gives back what it took, `*+`.
"""

import re
from collections.abc import Mapping

# PASSWORD 'x', also as an option of a user mapping or subscription, and inside connection strings,
# where its quotes are doubled. No \b before it, for sslpassword is one too.
_WORD = re.compile(r'password\b"?', re.I)
_SPACES = re.compile(r"\s++")
_LINE_END = re.compile(r"[\n\r]|\Z")
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_OPERATOR = re.compile("=>|:=|=")
_QUOTED = r"\\?''(?:[^'\\]|''''|\\''|\\.)+''|(?:[EU]&?)?'(?:[^'\\]|''|\\.)*'?"
# Before Python 3.11.5 such a group does not give back what it half matched: hence the look ahead.
_CONTINUED = (
    r"(?:(?=[^\S\n]*+(?:\n|--))(?:[^\S\n]|--[^\n]*+)*+"
    r"\n(?:\s|--[^\n]*+\n)*+'(?:[^'\\]|''|\\.)*+'?)*+"
)
_ESCAPED = r"\\'(?:[^'\\]|\\[^'])*+\\'"
_DOLLARS = r"\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z)"
_LITERAL = re.compile(rf"(?:{_QUOTED}){_CONTINUED}|{_ESCAPED}|{_DOLLARS}", re.I | re.S)
_KEYWORD = re.compile(r"(password\s*+=\s*+)(?![>'$]|\\'|\*\*\*)(?:\\.|[^\s'\";,\\])+", re.I)
_JSON = re.compile(
    r'(password\\?"\s*+:\s*+)(?:"(?:[^"\\]|\\.)*+"?|\\"(?:[^"\\]|\\[^"])*+(?:\\")?)', re.I | re.S
)
_URI = re.compile(r"(://[^\s:@/'\"]*+:)[^\s@/'\"]++(?=@)")
_CUT_URI = re.compile(r"(://[^\s:@/'\"]*+:)[^\s@/'\"]++(?=@|\Z)")


def may_say_password(text: bytes) -> bool:
    """Whether `redact` would look any closer."""
    return b"://" in text or b"password" in text.lower()


def redact(text: str, *, cut: bool = False) -> str:
    """The text with `'***'` where it says a password; `cut`: there was more of it."""
    if "password" in text.lower():
        text = _without_literals(text)
        text = _KEYWORD.sub(r"\1***", text)
        text = _JSON.sub(r'\1"***"', text)
    return (_CUT_URI if cut else _URI).sub(r"\1***", text) if "://" in text else text


def _without_literals(text: str) -> str:
    """Without those that stand behind the word, blanks, comments and an operator."""
    pieces, position = [], 0
    blanks = _Blanks(text)
    for word in _WORD.finditer(text):
        if word.start() < position:
            continue
        begin = blanks.after(word.end())
        if operator := _OPERATOR.match(text, begin):
            begin = blanks.after(operator.end())
        if literal := _LITERAL.match(text, begin):
            pieces += [text[position:begin], "'***'"]
            position = literal.end()
    return "".join((*pieces, text[position:]))


class _Blanks:
    """Finds where the blanks and comments end that begin at a position.

    It remembers the way it went, for many words may stand before the same blanks, and the line
    whose end it found, for many comments may begin in it.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._comments = _comments(text) if "/*" in text else {}
        self._ends: dict[int, int] = {}
        self._line = (0, 0)

    def after(self, position: int) -> int:
        way = []
        while position not in self._ends:
            way.append(position)
            following = self._following(position)
            if following == position:
                break
            position = following
        end = self._ends.get(position, position)
        self._ends.update(dict.fromkeys(way, end))
        return end

    def _following(self, position: int) -> int:
        """Where one of them ends; where it begins if there is none."""
        if spaces := _SPACES.match(self._text, position):
            return spaces.end()
        if self._text.startswith("--", position):
            return self._line_end(position)
        return self._comments.get(position, position)

    def _line_end(self, position: int) -> int:
        if not self._line[0] <= position < self._line[1]:
            found = _LINE_END.search(self._text, position)
            assert found is not None
            self._line = (position, found.start())
        return self._line[1]


def _comments(text: str) -> Mapping[int, int]:
    """Where each comment ends, by where it begins; PostgreSQL's comments nest."""
    ends: dict[int, int] = {}
    begun: list[int] = []
    for edge in _COMMENT_EDGE.finditer(text):
        if edge[0] == "/*":
            begun.append(edge.start())
        elif begun:
            ends[begun.pop()] = edge.end()
    return ends | dict.fromkeys(begun, len(text))
