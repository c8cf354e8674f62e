"""The definition of a live table beyond its columns, as statements that give it to a fresh one."""

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
SELECT format('COMMENT ON INDEX %s.%I IS %L',
    split_part($2::text, '.', 1), relname, obj_description(indexrelid, 'pg_class'))
FROM pg_index JOIN pg_class ON oid = indexrelid
WHERE indrelid = $1::text::regclass AND obj_description(indexrelid, 'pg_class') IS NOT NULL
UNION ALL
SELECT format('COMMENT ON CONSTRAINT %I ON %s IS %L', conname, $2::text, obj_description(oid, 'pg_constraint'))
FROM pg_constraint
WHERE conrelid = $1::text::regclass AND contype IN ('p', 'u', 'x') AND obj_description(oid, 'pg_constraint') IS NOT NULL
UNION ALL
SELECT format('ALTER INDEX %s.%I ALTER COLUMN %s SET STATISTICS %s',
    split_part($2::text, '.', 1), relname, attnum, attstattarget)
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_attribute ON attrelid = indexrelid
WHERE indrelid = $1::text::regclass AND attstattarget >= 0
UNION ALL
SELECT format('ALTER TABLE %s CLUSTER ON %I', $2::text, relname)
FROM pg_index JOIN pg_class ON oid = indexrelid WHERE indrelid = $1::text::regclass AND indisclustered
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

# What must not work while the fresh table is filled: triggers, row-level security, logical replication. These
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
SELECT format('COMMENT ON TRIGGER %I ON %s IS %L', tgname, $1::text, obj_description(oid, 'pg_trigger'))
FROM pg_trigger WHERE tgrelid = $1::text::regclass AND obj_description(oid, 'pg_trigger') IS NOT NULL
UNION ALL
SELECT format('CREATE POLICY %I ON %s AS %s FOR %s TO %s%s%s', polname, $1::text,
    CASE WHEN polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
    CASE polcmd
        WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
    (SELECT string_agg(CASE role WHEN 0 THEN 'PUBLIC' ELSE role::regrole::text END, ', ')
        FROM unnest(polroles) AS role),
    ' USING (' || pg_get_expr(polqual, polrelid) || ')',
    ' WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')')
FROM pg_policy WHERE polrelid = $1::text::regclass
UNION ALL
SELECT format('COMMENT ON POLICY %I ON %s IS %L', polname, $1::text, obj_description(oid, 'pg_policy'))
FROM pg_policy WHERE polrelid = $1::text::regclass AND obj_description(oid, 'pg_policy') IS NOT NULL
UNION ALL
SELECT format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', $1::text)
FROM pg_class WHERE oid = $1::text::regclass AND relrowsecurity
UNION ALL
SELECT format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', $1::text)
FROM pg_class WHERE oid = $1::text::regclass AND relforcerowsecurity
UNION ALL
SELECT pg_get_statisticsobjdef(oid) FROM pg_statistic_ext WHERE stxrelid = $1::text::regclass
UNION ALL
SELECT format('ALTER PUBLICATION %I ADD TABLE %s%s%s', pubname, $1::text,
    (SELECT ' (' || string_agg(quote_ident(attname), ', ' ORDER BY attnum) || ')'
        FROM pg_attribute WHERE attrelid = prrelid AND attnum = ANY(prattrs)),
    ' WHERE (' || pg_get_expr(prqual, prrelid) || ')')
FROM pg_publication_rel JOIN pg_publication ON pg_publication.oid = prpubid WHERE prrelid = $1::text::regclass
"""

# What cannot be moved to a fresh table unnoticed. `name` says what it is.
NOT_CARRIED_OVER = """
SELECT format('the foreign key %I of %s', conname, conrelid::regclass) AS name
FROM pg_constraint WHERE contype = 'f' AND $1::text::regclass IN (conrelid, confrelid)
UNION ALL
SELECT format('the rule %I', rulename)
FROM pg_rewrite WHERE ev_class = $1::text::regclass
UNION ALL
SELECT format('the table %s, which inherits from it', inhrelid::regclass)
FROM pg_inherits WHERE inhparent = $1::text::regclass
UNION ALL
SELECT DISTINCT format('the view %s', ev_class::regclass)
FROM pg_depend JOIN pg_rewrite ON pg_rewrite.oid = objid AND classid = 'pg_rewrite'::regclass
WHERE refclassid = 'pg_class'::regclass AND refobjid = $1::text::regclass AND ev_class <> refobjid
ORDER BY name
"""


async def not_carried_over(live: str, connection: asyncpg.Connection) -> list[str]:
    """What depends on a live table and would be lost, or would stop it from being replaced."""
    return [row[0] for row in await connection.fetch(NOT_CARRIED_OVER, live)]


async def at_creation(live: str, fresh: str, connection: asyncpg.Connection) -> list[str]:
    """What to do to a fresh table with the columns of the live one, before it is filled."""
    return [row[0] for row in await connection.fetch(AT_CREATION, live, fresh)]


async def at_the_swap(live: str, connection: asyncpg.Connection) -> list[str]:
    """What to do to the table that takes the place of the live one; asked while that is still there."""
    return [row[0] for row in await connection.fetch(AT_THE_SWAP, live)]
