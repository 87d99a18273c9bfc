"""Secrets in a SQLite database: `_sqlite:NAME:KEY`, in the file that KEYLESS_SQLITE names.

    CREATE TABLE secret (
        name TEXT, version INTEGER, key TEXT, value TEXT, PRIMARY KEY (name, version, key)
    );

An example of a provider in a package of its own; docs/providers.md of Keyless explains it.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import ClassVar

from providers.api import Secret, SecretVersion, Stage
from providers.errors import ProviderMisconfigured, ProviderUnavailable, SecretNotFound
from providers.reference import split_at_last_colon

# One statement sees one state of the database, so a user name and its password always match.
_NEWEST = """
    SELECT version, key, CAST(value AS TEXT) FROM secret
    WHERE name = :name AND version = (
        SELECT DISTINCT version FROM secret WHERE name = :name
        ORDER BY version DESC LIMIT 1 OFFSET :age
    )
"""
_AGES = {Stage.CURRENT: 0, Stage.PREVIOUS: 1}


class Sqlite:
    """Opens the database for each read: a connection belongs to one thread, and reads are few."""

    name: ClassVar[str] = "sqlite"
    settings: ClassVar[tuple[str, ...]] = ()  # KEYLESS_SQLITE is a path and no secret
    stages: ClassVar[tuple[Stage, ...]] = (Stage.PREVIOUS,)
    makes_secrets: ClassVar[bool] = False

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    @classmethod
    def split(cls, text: str) -> tuple[str, str | None]:
        return split_at_last_colon(text)

    def fetch(self, secret: str, timeout: float, stage: Stage = Stage.CURRENT) -> SecretVersion:
        path = self._environ.get("KEYLESS_SQLITE")
        if not path:
            raise ProviderMisconfigured("KEYLESS_SQLITE is not set; set it to the database's path")
        where = {"name": secret, "age": _AGES[stage]}
        try:
            address = Path(path).absolute().as_uri() + "?mode=ro"
            with closing(sqlite3.connect(address, timeout, uri=True)) as database:
                rows = database.execute(_NEWEST, where).fetchall()
        except sqlite3.Error as error:  # whose text may hold a value that is not UTF-8
            kind = type(error).__name__
            raise ProviderUnavailable(f"{path} cannot be read as SQLite ({kind})") from None
        if not rows:
            raise SecretNotFound(f"{path} holds no {stage.value} version of {secret}")
        keys = {key: Secret(value) for _, key, value in rows}
        return SecretVersion(keys, version=str(rows[0][0]))

    def close(self) -> None:
        pass
