"""Which files of its own a client has offered to load.

The server names the file that a client is to send, and a bad one names another than the statement
did: many clients send that as well.
"""

from protocols.mysql.packets import text


def names_file(statement: str, file: bytes) -> bool:
    """Whether this is a LOAD DATA LOCAL, or LOAD XML LOCAL, of this file."""
    lowered, name = statement.lower(), _without_escapes(text(file))
    load = lowered.find("load")
    if load < 0 or lowered.find("local", load) < 0 or not name:
        return False
    statement = _without_escapes(statement)
    return f"'{name}'" in statement or f'"{name}"' in statement


def _without_escapes(sql: str) -> str:
    """Of a literal and of its value the same is left."""
    return sql.replace("\\", "").replace("''", "'").replace('""', '"')
