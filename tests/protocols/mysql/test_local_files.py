"""A file may be sent only if the statement loads it, whatever else it says."""

import pytest

from protocols.mysql.local_files import names_file


@pytest.mark.parametrize(
    ("statement", "file"),
    [
        ("LOAD DATA LOCAL INFILE 'a.csv' INTO TABLE t", "a.csv"),
        ("load data low_priority local infile 'a.csv' into table t", "a.csv"),
        ('LOAD XML LOCAL INFILE "a.xml" INTO TABLE t', "a.xml"),
        ("SELECT 1; LOAD DATA LOCAL INFILE '/tmp/a b.csv' INTO TABLE t", "/tmp/a b.csv"),
        ("/*!50000 LOAD DATA */ LOCAL INFILE 'a.csv' INTO TABLE t", "a.csv"),
        (r"LOAD DATA LOCAL INFILE 'C:\\data\\a.csv' INTO TABLE t", r"C:\data\a.csv"),
        (r"LOAD DATA LOCAL INFILE 'o\'brien.csv' INTO TABLE t", "o'brien.csv"),
        ("LOAD DATA LOCAL INFILE 'o''brien.csv' INTO TABLE t", "o'brien.csv"),
        ("LOAD DATA LOCAL INFILE 'é.csv' INTO TABLE t", "é.csv"),
    ],
)
def test_the_file_that_is_named(statement: str, file: str) -> None:
    assert names_file(statement, file.encode())


@pytest.mark.parametrize(
    ("statement", "file"),
    [
        ("SELECT 1", "a.csv"),
        ("SELECT 'a.csv'", "a.csv"),
        ("LOAD DATA INFILE 'a.csv' INTO TABLE t", "a.csv"),
        ("SELECT @@local_infile, 'a.csv'", "a.csv"),
        ("LOAD DATA LOCAL INFILE 'a.csv' INTO TABLE t", "b.csv"),
        ("LOAD DATA LOCAL INFILE 'a.csv' INTO TABLE t", "csv"),
        ("LOAD DATA LOCAL INFILE 'a.csv' INTO TABLE t", "t"),
        ("LOAD DATA LOCAL INFILE '' INTO TABLE t", ""),
        ("LOAD DATA LOCAL INFILE 'a.csv' INTO TABLE t", "/etc/passwd"),
    ],
)
def test_any_other_file(statement: str, file: str) -> None:
    assert not names_file(statement, file.encode())


def test_a_name_in_any_character_set() -> None:
    statement = b"LOAD DATA LOCAL INFILE '\xe9.csv' INTO TABLE t".decode(errors="surrogateescape")
    assert names_file(statement, b"\xe9.csv")
    assert not names_file(statement, b"\xe8.csv")
