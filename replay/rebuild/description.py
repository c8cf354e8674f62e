"""Descriptions of tables that can be compared: what the catalogs hold of them, with names in place of numbers."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import asyncpg

from replay.rebuild.catalogs import COLUMNS, DEPENDENTS, NAMES, RELATIONS, SAID, Row, read_rows

Description = dict[str, dict[str, Any]]
"""By the name of each object that belongs to the tables, such as a column or a policy: what the catalogs say of it."""

LEFT_OUT = {
    # where the rows are, and how many
    *("relfilenode", "relpages", "reltuples", "relallvisible", "relallfrozen", "relfrozenxid", "relminmxid"),
    *("reltoastrelid", "attcacheoff", "atthasmissing", "attmissingval", "indcheckxmin"),
    # hints that PostgreSQL corrects late
    *("relhasindex", "relhasrules", "relhastriggers", "relhassubclass", "relnatts"),
    # columns are compared by name and place; the rest says nothing
    *("oid", "attnum", "attndims", "typarray", "typname"),
}
UNORDERED = ("acl", "options")
"""How columns end whose lists have no order."""

NUMBERED = re.compile(r"(?<=pg_toast_)\d+|(?<=ConstraintTrigger_)\d+|(?<=ConstraintTrigger_[ac]_)\d+")
"""Numbers of objects in names that PostgreSQL gives."""


async def dependents(tables: Sequence[str], connection: asyncpg.Connection) -> list[str]:
    """What hangs from the tables and is not dropped with them, such as views; and their sequences, whose next number no
    catalog knows.
    """
    return [row["name"] for row in await connection.fetch(DEPENDENTS, tables)]


async def describe(schema: str, tables: Sequence[str], connection: asyncpg.Connection) -> Description:
    """Describe these tables of `schema`. Names are without the schema where it is that one or `public`."""
    if not tables:
        return {}
    before = await find_first(f"{schema}, public", connection)  # then definitions name the tables without the schema
    full_names = [f"{schema}.{table}" for table in tables]
    rows = await read_rows(full_names, connection)
    names = await _Names.read(schema, rows, connection)
    described: Description = {}
    for row in rows:
        described.setdefault(names.subject(row), {}).update(names.comparable(row))
    for class_id, id, number, what, value in await connection.fetch(SAID, full_names):
        name = names.column(id, number) if number else names.object(class_id, id)
        described[name][names.clean(what)] = value
    await find_first(before, connection)
    return described


async def find_first(path: str, connection: asyncpg.Connection) -> str:
    """Set the session's search path, and return the one before."""
    before = await connection.fetchval("SELECT current_setting('search_path')")
    await connection.execute("SELECT set_config('search_path', $1, false)", path)
    return str(before)


def differences(wanted: Description, made: Description) -> list[str]:
    """What of `wanted` is missing or different in `made`."""
    return [each for name in sorted(wanted) for each in _differences(name, wanted[name], made.get(name))]


def _differences(name: str, wanted: Mapping[str, Any], made: Mapping[str, Any] | None) -> Iterator[str]:
    if made is None:
        yield name
        return
    for column in sorted({*wanted, *made}):
        if wanted.get(column) != made.get(column):
            yield f"{column} of {name}"


class _Names:
    """The names of the objects that rows of the catalogs refer to."""

    def __init__(self, schema: str) -> None:
        self._schemas = re.compile(rf'(?<![\w$."])(?:{schema}|public)\.|^schema (?:{schema}|public)$')
        self._objects: dict[tuple[int, int], str] = {}
        self._columns: dict[tuple[int, int], tuple[str, int]] = {}

    @classmethod
    async def read(cls, schema: str, rows: Sequence[Row], connection: asyncpg.Connection) -> "_Names":
        names = cls(schema)
        wanted = {key for row in rows for key in _objects(row)}
        for class_id, id, name in await connection.fetch(NAMES, *zip(*wanted, strict=True)):
            names._objects[class_id, id] = names.clean(name)
        for id, number, name, place in await connection.fetch(COLUMNS, [id for _, id in wanted]):
            names._columns[id, number] = name, place
        return names

    def clean(self, text: str) -> str:
        """A name or a definition, without what differs between tables that are the same."""
        return NUMBERED.sub("", self._schemas.sub("", text))

    def object(self, class_id: int, id: int) -> str:
        return self._objects.get((class_id, id), str(id))

    def column(self, relation: int, number: int) -> str:
        """A column of a table; those of an index are known by their place."""
        name, place = self._columns[relation, number]
        owner = self.object(RELATIONS, relation)
        return f"column {place if owner.startswith('index ') else name} of {owner}"

    def subject(self, row: Row) -> str:
        """What a row is about."""
        catalog, values = row
        if catalog.key == ["oid"]:
            return self.object(catalog.class_id, int(values["oid"]))
        if catalog.name == "pg_attribute":
            return self.column(int(values["attrelid"]), values["attnum"])
        named = self._named(row)
        if len(catalog.key) == 1:
            return str(named[catalog.key[0]])
        return f"{catalog.name} of {', '.join(str(named[column]) for column in catalog.key)}"

    def comparable(self, row: Row) -> dict[str, Any]:
        """The row with names, without what differs between tables that are the same."""
        catalog, values = row
        compared = {column: value for column, value in self._named(row).items() if column not in LEFT_OUT}
        if catalog.name == "pg_attribute":
            relation = int(values["attrelid"])
            name, compared["place"] = self._columns[relation, values["attnum"]]
            compared["attname"] = name if self.object(RELATIONS, relation).startswith("table ") else None
        return compared

    def _named(self, row: Row) -> dict[str, Any]:
        catalog, values = row
        named = {column: self._clean_value(column, value) for column, value in values.items()}
        for reference in catalog.references:
            *_, column = reference.columns
            if column not in values:
                continue
            names: Callable[[int], str]
            if reference.is_to_columns:
                names = partial(self._column_name, int(values[reference.columns[0]]))
            else:
                names = partial(self.object, reference.class_id)
            named[column] = _each(named[column], names)
        return named

    def _column_name(self, relation: int, number: int) -> str:
        return self._columns[relation, number][0] if (relation, number) in self._columns else str(number)

    def _clean_value(self, column: str, value: Any) -> Any:
        if column.endswith(UNORDERED):
            return sorted(value or [])
        return self.clean(value) if isinstance(value, str) else value


def _objects(row: Row) -> Iterator[tuple[int, int]]:
    """The objects that a row is about and refers to, as numbers."""
    catalog, values = row
    if "oid" in values:
        yield catalog.class_id, int(values["oid"])
    for reference in catalog.references:
        if not reference.is_to_columns:
            value = values.get(reference.columns[0])
            for each in value if isinstance(value, list) else [value]:
                if number := _number(each):
                    yield reference.class_id, number


def _each(value: Any, name: Callable[[int], str]) -> Any:
    """The names in place of a number or of a list of numbers. What is no number, or 0, stays: it refers to nothing."""
    if isinstance(value, list):
        return [_each(each, name) for each in value]
    number = _number(value)
    return name(number) if number else value


def _number(value: Any) -> int:
    """The number of an object, which JSON has as text; 0 for the name of a function, which PostgreSQL writes itself."""
    return int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdigit()) else 0
