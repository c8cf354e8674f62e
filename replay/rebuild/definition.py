"""What makes a live table that table, beyond its columns: statements that make a fresh one the same."""

import asyncpg

# Of CREATE TABLE … LIKE: what it leaves out, and the names of indexes, which later migrations will look for. $1 is the
# live table, $2 the fresh one.
AT_CREATION = """
SELECT format('ALTER TABLE %s SET (%s)', $2::text, array_to_string(reloptions, ', '))
FROM pg_class WHERE oid = $1::text::regclass AND reloptions IS NOT NULL
UNION ALL
SELECT format('ALTER TABLE %s ADD CONSTRAINT %I %s', $2::text, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype IN ('p', 'u', 'x')
UNION ALL
SELECT replace(pg_get_indexdef(indexrelid), format(' ON %s ', $1::text), format(' ON %s ', $2::text))
FROM pg_index WHERE indrelid = $1::text::regclass AND indisvalid
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
UNION ALL
SELECT format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS %s', $2::text, attname, attstattarget)
FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attstattarget >= 0
UNION ALL
SELECT format('ALTER TABLE %s ALTER COLUMN %I SET (%s)', $2::text, attname, array_to_string(attoptions, ', '))
FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attoptions IS NOT NULL
UNION ALL
SELECT format('COMMENT ON TABLE %s IS %L', $2::text, obj_description($1::text::regclass, 'pg_class'))
WHERE obj_description($1::text::regclass, 'pg_class') IS NOT NULL
UNION ALL
SELECT format('ALTER TABLE %s OWNER TO %s', $2::text, relowner::regrole) FROM pg_class WHERE oid = $1::text::regclass
UNION ALL
SELECT format(
    'GRANT %s ON %s TO %s%s', privilege_type, $2::text,
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
    CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM pg_class CROSS JOIN aclexplode(relacl) WHERE oid = $1::text::regclass
UNION ALL
SELECT format(
    'GRANT %s (%I) ON %s TO %s%s', privilege_type, attname, $2::text,
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
    CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM pg_attribute CROSS JOIN aclexplode(attacl) WHERE attrelid = $1::text::regclass
"""

# What must not work while the fresh table is filled: triggers, and what logical replication does with it. These
# statements name the live table, whose place the fresh one has by then.
AT_THE_SWAP = """
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = $1::text::regclass AND NOT tgisinternal
UNION ALL
SELECT format('ALTER TABLE %s %s TRIGGER %I', $1::text,
    CASE tgenabled WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'DISABLE' END, tgname)
FROM pg_trigger WHERE tgrelid = $1::text::regclass AND NOT tgisinternal AND tgenabled <> 'O'
UNION ALL
SELECT format('ALTER TABLE %s REPLICA IDENTITY %s', $1::text, CASE relreplident
    WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING'
    ELSE format('USING INDEX %I', (
        SELECT relname FROM pg_index JOIN pg_class AS named ON named.oid = indexrelid
        WHERE indrelid = pg_class.oid AND indisreplident)) END)
FROM pg_class WHERE oid = $1::text::regclass AND relreplident <> 'd'
UNION ALL
SELECT pg_get_statisticsobjdef(oid) FROM pg_statistic_ext WHERE stxrelid = $1::text::regclass
UNION ALL
SELECT format('ALTER PUBLICATION %I ADD TABLE %s%s%s', pubname, $1::text,
    (SELECT ' (' || string_agg(quote_ident(attname), ', ' ORDER BY attnum) || ')'
        FROM pg_attribute WHERE attrelid = prrelid AND attnum = ANY(prattrs)),
    ' WHERE (' || pg_get_expr(prqual, prrelid) || ')')
FROM pg_publication_rel JOIN pg_publication ON pg_publication.oid = prpubid WHERE prrelid = $1::text::regclass
"""


async def at_creation(live: str, fresh: str, connection: asyncpg.Connection) -> list[str]:
    """What to do to a fresh table with the columns of the live one, before it is filled."""
    return [row[0] for row in await connection.fetch(AT_CREATION, live, fresh)]


async def at_the_swap(live: str, connection: asyncpg.Connection) -> list[str]:
    """What to do to the table that takes the place of the live one; asked while that is still there."""
    return [row[0] for row in await connection.fetch(AT_THE_SWAP, live)]
