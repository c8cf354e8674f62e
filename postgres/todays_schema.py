"""Today's schema as `migrations/schema.sql` states it: how to make a table or an index that the database lost."""

import re

from postgres.migrations import FOLDER

FILE = FOLDER / "schema.sql"


def create_table(table: str) -> list[str]:
    """The statements that create a table with its indexes, in the first schema on the search path."""
    text = FILE.read_text(encoding="utf-8")
    created = re.search(rf"^CREATE TABLE {table} \(.*?\n\)[^;]*;", text, re.MULTILINE | re.DOTALL)
    assert created is not None, f"{table} is in {FILE.name}"
    altered = re.findall(rf"^ALTER TABLE {table} .*;", text, re.MULTILINE)
    return [created[0], *altered, *create_indexes(table).values()]


def create_indexes(table: str) -> dict[str, str]:
    """The statements that create the indexes of a table, by their names; those of constraints belong to the table."""
    text = FILE.read_text(encoding="utf-8")
    found = re.findall(rf"^(CREATE (?:UNIQUE )?INDEX (\w+) ON {table} .*);$", text, re.MULTILINE)
    return {name: statement for statement, name in found}


def columns(table: str) -> set[str]:
    """The names of its columns."""
    return set(re.findall(r"^    (?!CONSTRAINT )(\w+) ", create_table(table)[0], re.MULTILINE))


def primary_key(table: str) -> str:
    """The clause of the table's primary key: `CONSTRAINT … PRIMARY KEY (…)`."""
    found = re.search(r"CONSTRAINT \w+ PRIMARY KEY \([^)]*\)", create_table(table)[0])
    assert found is not None, f"{table} has a primary key"
    return found[0]
