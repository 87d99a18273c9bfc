"""Takes passwords out of a statement's text before it is audited.

Best effort beside the server's own rules: SQL can build a password out of pieces.
"""

import re

# PASSWORD 'x', also as an option of a user mapping or subscription, and inside connection strings,
# where its quotes are doubled. No \b before it, for sslpassword is one too. A statement may be made
# to be slow to search, so what may repeat never gives back what it took: `*+`.
_GAP = r'"?(?:\s|--[^\n]*+\n|/\*.{0,200}?\*/)*+(?:(?:=>|:=|=)\s*+)?'
_QUOTED = r"\\?''(?:[^'\\]|''''|\\''|\\.)+''|(?:[EU]&?)?'(?:[^'\\]|''|\\.)*'?"
# Before Python 3.11.5 such a group does not give back what it half matched: hence the look ahead.
_CONTINUED = (
    r"(?:(?=[^\S\n]*+(?:\n|--))(?:[^\S\n]|--[^\n]*+)*+"
    r"\n(?:\s|--[^\n]*+\n)*+'(?:[^'\\]|''|\\.)*+'?)*+"
)
_ESCAPED = r"\\'(?:[^'\\]|\\[^'])*+\\'"
_DOLLARS = r"\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z)"
_LITERAL = rf"(?:{_QUOTED}){_CONTINUED}|{_ESCAPED}|{_DOLLARS}"
_PASSWORD = re.compile(rf"(password\b{_GAP})(?:{_LITERAL})", re.I | re.S)
_KEYWORD = re.compile(r"(password\s*+=\s*+)(?![>'$]|\\'|\*\*\*)(?:\\.|[^\s'\";,\\])+", re.I)
_URI = re.compile(r"(\bpostgres(?:ql)?://[^\s:@/'\"]*+:)[^\s@/'\"]++(?=@)", re.I)


def redact(statement: str) -> str:
    """The statement with `'***'` where it says a password."""
    lowered = statement.lower()
    if "password" in lowered:
        statement = _KEYWORD.sub(r"\1***", _PASSWORD.sub(r"\1'***'", statement))
    return _URI.sub(r"\1***", statement) if "://" in lowered else statement
