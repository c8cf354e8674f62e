"""PostgreSQL's statistics: they hold whole values, and keep them after the row is gone.

Columns with words have the statistics target 0. What ANALYZE wrote before that stays until it is removed here.
"""

from collections.abc import Sequence

import asyncpg

from postgres.scrub.tables import MOST_FIXED_BYTES

CATALOGS = ("pg_catalog.pg_statistic", "pg_catalog.pg_statistic_ext_data")

KEPT = """
SELECT format('%I.%I', nspname, relname) AS relation, relkind = 'i' AS is_index, pg_class.oid, attnum,
    format('ALTER TABLE %I.%I ALTER COLUMN %I TYPE %s%s', nspname, relname, pg_attribute.attname,
        format_type(atttypid, atttypmod),
        CASE WHEN attcollation <> typcollation THEN ' COLLATE ' || attcollation::regcollation ELSE '' END) AS same_type
FROM pg_stats JOIN pg_namespace ON nspname = schemaname
    JOIN pg_class ON relnamespace = pg_namespace.oid AND relname = tablename
    JOIN pg_attribute ON attrelid = pg_class.oid AND pg_attribute.attname = pg_stats.attname
    JOIN pg_type ON pg_type.oid = atttypid
WHERE schemaname = ANY($1::text[]) AND attstattarget = 0
ORDER BY relation, attnum
"""
REMOVE = "DELETE FROM pg_catalog.pg_statistic WHERE starelid = $1 AND staattnum = $2"

# What others made and we do not undo. A table that has columns with the target 0 has words, in these columns.
OF_OTHERS = f"""
WITH worded AS (
    SELECT attrelid, array_agg(attnum) AS columns FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = ANY($1::text[]) AND relkind IN ('r', 'm') AND attnum > 0 AND attstattarget = 0
    GROUP BY attrelid
)
SELECT format('statistics object %I.%I on %s may hold words: drop it', nspname, stxname, stxrelid::regclass)
FROM pg_statistic_ext JOIN worded ON attrelid = stxrelid JOIN pg_namespace ON pg_namespace.oid = stxnamespace
WHERE stxexprs IS NOT NULL OR stxkeys::smallint[] && columns
UNION ALL
SELECT format(
    'statistics of an expression in the index %s may hold words: ALTER INDEX %s ALTER COLUMN %s SET STATISTICS 0',
    indexrelid::regclass, indexrelid::regclass, pg_attribute.attnum)
FROM pg_index JOIN worded ON worded.attrelid = indrelid JOIN pg_attribute ON pg_attribute.attrelid = indexrelid
WHERE indkey[pg_attribute.attnum - 1] = 0 AND attlen NOT BETWEEN 1 AND {MOST_FIXED_BYTES}
    AND coalesce(attstattarget, -1) <> 0
"""
IS_SUPERUSER = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
OWNS_DATABASE = "SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()"


async def remove_statistics(schemas: Sequence[str], connection: asyncpg.Connection) -> tuple[list[str], list[str]]:
    """Remove what is kept of columns with the target 0. Returns whose it was, and what could not be removed."""
    removed, left = [], []
    is_superuser = await connection.fetchval(IS_SUPERUSER)
    for kept in await connection.fetch(KEPT, list(schemas)):
        place = f"{kept['relation']}, column {kept['attnum']}"
        if is_superuser:
            await connection.execute(REMOVE, kept["oid"], kept["attnum"])
        elif kept["is_index"]:
            left.append(f"statistics of {place}: drop the index and create it again")
            continue
        else:
            try:
                await connection.execute(kept["same_type"])  # rewrites nothing, and drops the column's statistics
            except (asyncpg.FeatureNotSupportedError, asyncpg.LockNotAvailableError) as error:
                left.append(f"statistics of {place}: {error}")
                continue
        removed.append(place)
    left += [row[0] for row in await connection.fetch(OF_OTHERS, list(schemas))]
    return removed, left


async def may_rewrite_catalogs(connection: asyncpg.Connection) -> bool:
    """Whether this role may rewrite the tables that hold the statistics: a superuser, or the database's owner."""
    return bool(await connection.fetchval(OWNS_DATABASE))
