"""What PostgreSQL's catalogs hold of tables, row by row.

No catalog and no column is listed by hand: the server says itself which there are and which of them refer to other
objects. What is left out is listed, with the reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import msgspec


def parts_of(tables: str) -> str:
    """SQL: `part`, the objects that belong to tables and are dropped with them. `tables` is SQL for their names."""
    return f"""
WITH RECURSIVE part (class_id, id) AS (
    SELECT 'pg_class'::regclass::oid, ({tables})::regclass::oid
    UNION
    SELECT classid, objid
    FROM part JOIN pg_depend ON refclassid = class_id AND refobjid = id AND deptype IN ('a', 'i')
    LEFT JOIN pg_index ON classid = 'pg_class'::regclass AND indexrelid = objid
    LEFT JOIN pg_class ON classid = 'pg_class'::regclass AND pg_class.oid = objid
    LEFT JOIN pg_type ON classid = 'pg_type'::regclass AND pg_type.oid = objid
    WHERE indisvalid IS NOT FALSE  -- an index that could not be built serves no one
        AND typcategory IS DISTINCT FROM 'A'
        AND (relkind IS DISTINCT FROM 't' OR pg_class.reloptions IS NOT NULL)  -- in all else it follows its table
)
"""


PARTS = parts_of("unnest($1::text[])")

# An owner who is no superuser may not read all: mappings of users to foreign servers, which are about no table.
CATALOGS = """
SELECT relname AS name, pg_class.oid AS class_id,
    array_agg(attname::text ORDER BY attnum) FILTER (WHERE attnum = ANY(indkey)) AS key,
    coalesce(array_agg(attname::text) FILTER (WHERE atttypid IN ('pg_node_tree'::regtype, 'anyarray'::regtype)), '{}')
        AS parsed
FROM pg_class JOIN pg_index ON indrelid = pg_class.oid AND indisprimary JOIN pg_attribute ON attrelid = pg_class.oid
WHERE relnamespace = 'pg_catalog'::regnamespace AND NOT relisshared AND attnum > 0
    AND has_table_privilege(pg_class.oid, 'SELECT')
GROUP BY pg_class.oid, relname ORDER BY relname
"""
REFERENCES = """
SELECT fktable::text AS catalog, fkcols AS columns, pktable::oid AS class_id, pkcols AS key
FROM pg_get_catalog_foreign_keys()
"""
RELATIONS = 1259
"""The number of `pg_class`, the same in every PostgreSQL."""

NAMES = """
SELECT class_id, id, type || ' ' || identity AS name
FROM unnest($1::oid[], $2::oid[]) AS wanted (class_id, id) CROSS JOIN pg_identify_object(class_id, id, 0)
"""
COLUMNS = """
SELECT attrelid AS id, attnum AS number, attname AS name,
    row_number() OVER (PARTITION BY attrelid ORDER BY attnum) AS place
FROM pg_attribute WHERE attrelid = ANY($1) AND attnum > 0 AND NOT attisdropped
"""
SAID = f"""
{PARTS}
SELECT class_id, id, objsubid AS number, 'comment' AS what, description AS value
FROM part JOIN pg_description ON classoid = class_id AND objoid = id
UNION ALL
SELECT class_id, id, objsubid, 'label of ' || provider, label
FROM part JOIN pg_seclabel ON classoid = class_id AND objoid = id
UNION ALL
SELECT class_id, id, 0, 'tie to ' || type || ' ' || identity, deptype::text
FROM part JOIN pg_depend ON classid = class_id AND objid = id AND deptype IN ('e', 'x')
CROSS JOIN pg_identify_object(refclassid, refobjid, 0)
"""
"""About objects of every kind: comments, security labels, that an extension owns them or takes them along."""

DEPENDENTS = f"""
{PARTS}
SELECT coalesce('view ' || viewed.oid::regclass, type || ' ' || identity) AS name
FROM part JOIN pg_depend ON refclassid = class_id AND refobjid = id AND deptype = 'n'
CROSS JOIN pg_identify_object(classid, objid, objsubid)
LEFT JOIN pg_rewrite ON classid = 'pg_rewrite'::regclass AND pg_rewrite.oid = objid
LEFT JOIN pg_class AS viewed ON viewed.oid = ev_class AND viewed.relkind IN ('v', 'm')
WHERE (classid, objid) NOT IN (SELECT class_id, id FROM part)
UNION
SELECT 'sequence ' || oid::regclass
FROM part JOIN pg_class ON oid = id AND class_id = 'pg_class'::regclass WHERE relkind = 'S'
ORDER BY name
"""

READ_OTHERWISE = {"pg_description", "pg_seclabel", "pg_init_privs", "pg_statistic", "pg_statistic_ext_data"}
"""Catalogs about objects of every kind, and statistics, which ANALYZE makes."""

IN_WORDS = {
    "pg_attrdef": {"adbin": "pg_get_expr(adbin, adrelid, true)"},
    "pg_class": {
        "relacl": "coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's'::\"char\" ELSE 'r' END, relowner))",
    },
    "pg_constraint": {"conbin": "pg_get_constraintdef(oid, true)"},
    "pg_index": {"indexprs": "pg_get_indexdef(indexrelid, 0, true)"},
    "pg_policy": {
        "polqual": "pg_get_expr(polqual, polrelid, true)",
        "polwithcheck": "pg_get_expr(polwithcheck, polrelid, true)",
    },
    "pg_publication_rel": {"prqual": "pg_get_expr(prqual, prrelid, true)"},
    "pg_rewrite": {"ev_action": "pg_get_ruledef(oid, true)"},
    "pg_statistic_ext": {"stxexprs": "pg_get_statisticsobjdef_columns(oid)"},
    "pg_trigger": {"tgqual": "pg_get_triggerdef(oid, true)"},
}
"""What is read in place of a column that holds a parsed expression, or that is empty for a default."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Columns of a catalog that refer to an object; or to a table, and to columns in it."""

    columns: Sequence[str]
    class_id: int
    is_to_columns: bool


@dataclass(frozen=True, slots=True)
class Catalog:
    """A catalog, and its columns that identify a row, that hold parsed expressions, that refer to others."""

    name: str
    class_id: int
    key: Sequence[str]
    parsed: Sequence[str]
    references: Sequence[Reference]


Row = tuple[Catalog, dict[str, Any]]


async def read_rows(tables: Sequence[str], connection: asyncpg.Connection) -> list[Row]:
    """The rows of all catalogs about the tables and the objects that belong to them."""
    catalogs = await _catalogs(connection)
    queries = [query for each in catalogs.values() if (query := _query(each))]
    rows = await connection.fetch(f"{PARTS} {' UNION ALL '.join(queries)}", tables)
    return [(catalogs[name], msgspec.json.decode(row)) for name, row in rows]


async def _catalogs(connection: asyncpg.Connection) -> dict[str, Catalog]:
    references: dict[str, list[Reference]] = {}
    for row in await connection.fetch(REFERENCES):
        reference = Reference(row["columns"], row["class_id"], len(row["key"]) > 1)
        references.setdefault(row["catalog"], []).append(reference)
    return {
        row["name"]: Catalog(**row, references=references.get(row["name"], []))
        for row in await connection.fetch(CATALOGS)
        if row["name"] not in READ_OTHERWISE
    }


def _query(catalog: Catalog) -> str | None:
    """SQL for the rows of one catalog; None where none can be about a table."""
    if catalog.key == ["oid"]:
        found = [f"oid IN (SELECT id FROM part WHERE class_id = {catalog.class_id})"]
    else:
        found = [
            f"{each.columns[0]} IN (SELECT id FROM part WHERE class_id = {RELATIONS})"
            for each in catalog.references
            if each.class_id == RELATIONS and not each.is_to_columns
        ]
    if not found:
        return None
    words = IN_WORDS.get(catalog.name, {})
    dropped = ",".join(column for column in catalog.parsed if column not in words)
    said = ", ".join(f"'{column}', {sql}" for column, sql in words.items())
    living = "AND attnum > 0 AND NOT attisdropped" if catalog.name == "pg_attribute" else ""
    return (
        f"SELECT '{catalog.name}', (to_jsonb(one) - '{{{dropped}}}'::text[] || jsonb_build_object({said}))::text"
        f" FROM {catalog.name} AS one WHERE ({' OR '.join(found)}) {living}"
    )
