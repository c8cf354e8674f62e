"""The definition of a live table beyond its columns, as statements that give it to a fresh one.

What they miss is found by comparing descriptions, and refused: see `replay/rebuild/shadow.py`.
"""

import asyncpg

from projections.readmodels.tables import LIVE
from replay.rebuild.catalogs import parts_of
from replay.rebuild.description import find_first

# In both: $1 is the live table, $2 the fresh one, each with its schema. Definitions that PostgreSQL writes name the
# table without its schema, and mean the one that the session finds first.

# What the fresh table needs before it is filled; where the table lies comes before its indexes.
AT_CREATION = """
SELECT format('ALTER TABLE %s SET ACCESS METHOD %I', $2::text, amname)
FROM pg_class JOIN pg_am ON pg_am.oid = relam
WHERE pg_class.oid = $1::text::regclass AND relam <> (SELECT relam FROM pg_class WHERE oid = $2::text::regclass)
UNION ALL
SELECT format('ALTER TABLE %s SET UNLOGGED', $2::text)
FROM pg_class WHERE oid = $1::text::regclass AND relpersistence = 'u'
UNION ALL
SELECT format('ALTER TABLE %s SET TABLESPACE %I', $2::text, spcname)
FROM pg_class JOIN pg_tablespace ON pg_tablespace.oid = reltablespace WHERE pg_class.oid = $1::text::regclass
UNION ALL
SELECT format('ALTER TABLE %s SET (%s%I = %L)', $2::text, prefix, option_name, option_value)
FROM pg_class AS live JOIN pg_class AS kept ON kept.oid IN (live.oid, live.reltoastrelid)
CROSS JOIN LATERAL (SELECT CASE kept.oid WHEN live.oid THEN '' ELSE 'toast.' END) AS its (prefix)
CROSS JOIN pg_options_to_table(kept.reloptions)
WHERE live.oid = $1::text::regclass
UNION ALL
SELECT format('ALTER TABLE %s ADD CONSTRAINT %I %s', $2::text, conname, pg_get_constraintdef(oid, true))
FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype IN ('p', 'u', 'x', 'c')
UNION ALL
SELECT pg_get_indexdef(indexrelid, 0, true)
FROM pg_index WHERE indrelid = $1::text::regclass AND indisvalid
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
UNION ALL
SELECT format('ALTER INDEX %s.%I SET TABLESPACE %I', split_part($2::text, '.', 1), relname, spcname)
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_tablespace ON pg_tablespace.oid = reltablespace
WHERE indrelid = $1::text::regclass AND indisvalid
UNION ALL
SELECT format('ALTER INDEX %s.%I SET (%I = %L)', split_part($2::text, '.', 1), relname, option_name, option_value)
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid CROSS JOIN pg_options_to_table(reloptions)
WHERE indrelid = $1::text::regclass AND indisvalid
UNION ALL
SELECT format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS %s', $2::text, attname, attstattarget)
FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attstattarget >= 0
UNION ALL
SELECT format('ALTER INDEX %s.%I ALTER COLUMN %s SET STATISTICS %s',
    split_part($2::text, '.', 1), relname, attnum, attstattarget)
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_attribute ON attrelid = indexrelid
WHERE indrelid = $1::text::regclass AND indisvalid AND attstattarget >= 0
UNION ALL
SELECT format('ALTER TABLE %s ALTER COLUMN %I SET (%I = %L)', $2::text, attname, option_name, option_value)
FROM pg_attribute CROSS JOIN pg_options_to_table(attoptions)
WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT format('CREATE STATISTICS %s.%I%s', split_part($2::text, '.', 1), stxname,
    substr(made, length(format('CREATE STATISTICS %I.%I', nspname, stxname)) + 1))
FROM pg_statistic_ext AS statistic JOIN pg_namespace ON pg_namespace.oid = stxnamespace
CROSS JOIN pg_get_statisticsobjdef(statistic.oid) AS made WHERE stxrelid = $1::text::regclass
UNION ALL
SELECT format('ALTER STATISTICS %s.%I SET STATISTICS %s', split_part($2::text, '.', 1), stxname, stxstattarget)
FROM pg_statistic_ext WHERE stxrelid = $1::text::regclass AND stxstattarget >= 0
UNION ALL
SELECT format('ALTER TABLE %s CLUSTER ON %I', $2::text, relname)
FROM pg_index JOIN pg_class ON oid = indexrelid WHERE indrelid = $1::text::regclass AND indisclustered
UNION ALL
SELECT DISTINCT format('REVOKE ALL ON %s FROM %s', $2::text,  -- what default privileges gave
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END)
FROM pg_class CROSS JOIN aclexplode(relacl) WHERE oid = $2::text::regclass AND grantee <> relowner
"""

# What must not work while the fresh table is filled, such as triggers, row-level security and logical replication.
AT_THE_SWAP = f"""
{parts_of("$1::text")}, granted (number, privilege, grantor, grantee, is_grantable, owner) AS (
    SELECT 0, privilege_type, grantor, grantee, is_grantable, relowner
    FROM pg_class CROSS JOIN aclexplode(relacl) WHERE oid = $1::text::regclass
    UNION ALL
    SELECT attnum, format('%s (%I)', privilege_type, attname), grantor, grantee, is_grantable, relowner
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid CROSS JOIN aclexplode(attacl)
    WHERE attrelid = $1::text::regclass
)
SELECT format('ALTER TABLE %s OWNER TO %s', $2::text, relowner::regrole) FROM pg_class WHERE oid = $1::text::regclass
UNION ALL
SELECT pg_get_triggerdef(oid, true) FROM pg_trigger WHERE tgrelid = $1::text::regclass AND NOT tgisinternal
UNION ALL
SELECT format('ALTER TABLE %s %s TRIGGER %I', $2::text,
    CASE tgenabled WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'DISABLE' END, tgname)
FROM pg_trigger WHERE tgrelid = $1::text::regclass AND NOT tgisinternal AND tgenabled <> 'O'
UNION ALL
SELECT format('ALTER TABLE %s REPLICA IDENTITY %s', $2::text, CASE relreplident
    WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING'
    ELSE format('USING INDEX %I', (
        SELECT relname FROM pg_index JOIN pg_class AS named ON named.oid = indexrelid
        WHERE indrelid = pg_class.oid AND indisreplident)) END)
FROM pg_class WHERE oid = $1::text::regclass AND relreplident <> 'd'
UNION ALL
SELECT format('CREATE POLICY %I ON %s AS %s FOR %s TO %s%s%s', polname, $2::text,
    CASE WHEN polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
    CASE polcmd
        WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
    (SELECT string_agg(CASE role WHEN 0 THEN 'PUBLIC' ELSE role::regrole::text END, ', ')
        FROM unnest(polroles) AS role),
    ' USING (' || pg_get_expr(polqual, polrelid) || ')',
    ' WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')')
FROM pg_policy WHERE polrelid = $1::text::regclass
UNION ALL
SELECT format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', $2::text)
FROM pg_class WHERE oid = $1::text::regclass AND relrowsecurity
UNION ALL
SELECT format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', $2::text)
FROM pg_class WHERE oid = $1::text::regclass AND relforcerowsecurity
UNION ALL
SELECT format('ALTER STATISTICS %s.%I OWNER TO %s', split_part($2::text, '.', 1), stxname, stxowner::regrole)
FROM pg_statistic_ext WHERE stxrelid = $1::text::regclass
UNION ALL
SELECT format('ALTER PUBLICATION %I ADD TABLE %s%s%s', pubname, $2::text,
    (SELECT ' (' || string_agg(quote_ident(attname), ', ' ORDER BY attnum) || ')'
        FROM pg_attribute WHERE attrelid = prrelid AND attnum = ANY(prattrs)),
    ' WHERE (' || pg_get_expr(prqual, prrelid) || ')')
FROM pg_publication_rel JOIN pg_publication ON pg_publication.oid = prpubid WHERE prrelid = $1::text::regclass
UNION ALL
SELECT format('REVOKE ALL ON %s FROM %s', $2::text, relowner::regrole)
FROM pg_class WHERE oid = $1::text::regclass AND relacl IS NOT NULL
UNION ALL  -- in the order in which they were granted: a grantor needs the right that others gave
SELECT concat(
    CASE WHEN grantor <> owner THEN format('SET LOCAL ROLE %s; ', grantor::regrole) END,
    format('GRANT %s ON %s TO %s', privilege, $2::text,
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END),
    CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END,
    CASE WHEN grantor <> owner THEN '; RESET ROLE' END)
FROM granted
UNION ALL
SELECT format('ALTER INDEX %s.%I DEPENDS ON EXTENSION %I', split_part($2::text, '.', 1), relname, extname)
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
JOIN pg_depend ON objid = indexrelid AND classid = 'pg_class'::regclass AND deptype = 'x'
JOIN pg_extension ON pg_extension.oid = refobjid
WHERE indrelid = $1::text::regclass
UNION ALL
SELECT format('ALTER TRIGGER %I ON %s DEPENDS ON EXTENSION %I', tgname, $2::text, extname)
FROM pg_trigger JOIN pg_depend ON objid = pg_trigger.oid AND classid = 'pg_trigger'::regclass AND deptype = 'x'
JOIN pg_extension ON pg_extension.oid = refobjid
WHERE tgrelid = $1::text::regclass
UNION ALL
SELECT concat(said, CASE type
    WHEN 'table' THEN format('TABLE %s', $2::text)
    WHEN 'table column' THEN format('COLUMN %s.%I', $2::text, object_names[3])
    WHEN 'index' THEN format('INDEX %s.%I', split_part($2::text, '.', 1), object_names[2])
    WHEN 'statistics object' THEN format('STATISTICS %s.%I', split_part($2::text, '.', 1), object_names[2])
    WHEN 'table constraint' THEN format('CONSTRAINT %I ON %s', object_names[3], $2::text)
    ELSE format('%s %I ON %s', upper(type), object_names[3], $2::text) END,
    ' IS ', quote_literal(words))
FROM (
    SELECT class_id, id, objsubid, 'COMMENT ON ' AS said, description AS words
    FROM part JOIN pg_description ON classoid = class_id AND objoid = id
    UNION ALL
    SELECT class_id, id, objsubid, format('SECURITY LABEL FOR %I ON ', provider), label
    FROM part JOIN pg_seclabel ON classoid = class_id AND objoid = id
) AS text CROSS JOIN pg_identify_object_as_address(class_id, id, objsubid)
"""


async def at_creation(live: str, fresh: str, connection: asyncpg.Connection) -> list[str]:
    """What to do to a fresh table with the columns of the live one, before it is filled."""
    return await _statements(AT_CREATION, live, fresh, connection)


async def at_the_swap(live: str, fresh: str, connection: asyncpg.Connection) -> list[str]:
    """What to do to the table that takes the place of the live one; asked while that is still there."""
    return await _statements(AT_THE_SWAP, live, fresh, connection)


async def _statements(query: str, live: str, fresh: str, connection: asyncpg.Connection) -> list[str]:
    before = await find_first(LIVE, connection)
    rows = await connection.fetch(query, live, fresh)
    await find_first(before, connection)
    return [row[0] for row in rows]
