"""Takes passwords out of a statement's text before it is audited.

Best effort beside the server's own rules: SQL can build a password out of pieces.
"""

import re

# PASSWORD 'x', also as an option of a user mapping or subscription, and inside connection strings.
_LITERAL = r"(?:[EU]&?)?'(?:[^'\\]|''|\\.)*'?|\$(\w*)\$.*?(?:\$\1\$|\Z)"
_PASSWORD = re.compile(rf"(\bpassword\b\s*(?:=|:=|=>)?\s*)(?:{_LITERAL})", re.I | re.S)
_KEYWORD = re.compile(r"(\bpassword\s*=\s*)(?!'|\$|\*\*\*)[^\s'\";,]+", re.I)


def redact(statement: str) -> str:
    """The statement with `'***'` where it says a password."""
    if "password" not in statement.lower():
        return statement
    return _KEYWORD.sub(r"\1***", _PASSWORD.sub(r"\1'***'", statement))
