"""Fresh tables beside the live ones, with the same columns, indexes, options, owners and grants, and their exchange."""

import hashlib
from pathlib import Path

import asyncpg

from projections.readmodels import projection as rooms
from projections.readmodels.projection import TABLES
from replay.rebuild.fold import LIVE

SHADOW = "rebuild"
"""The schema in which a rebuild gathers its rows until they go live."""

EXISTS = "SELECT to_regnamespace($1) IS NOT NULL"

# What CREATE TABLE … LIKE leaves out: storage options, owner and grants; and the names of indexes, which later
# migrations will look for. $1 is the live table, $2 the fresh one.
REST = """
SELECT format('ALTER TABLE %s SET (%s)', $2::text, array_to_string(reloptions, ', '))
FROM pg_class WHERE oid = $1::text::regclass AND reloptions IS NOT NULL
UNION ALL
SELECT format('ALTER TABLE %s ADD CONSTRAINT %I %s', $2::text, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype IN ('p', 'u')
UNION ALL
SELECT replace(pg_get_indexdef(indexrelid), format(' ON %s ', $1::text), format(' ON %s ', $2::text))
FROM pg_index WHERE indrelid = $1::text::regclass
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))
UNION ALL
SELECT format('ALTER TABLE %s OWNER TO %s', $2::text, relowner::regrole) FROM pg_class WHERE oid = $1::text::regclass
UNION ALL
SELECT format(
    'GRANT %s ON %s TO %s', privilege_type, $2::text, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END)
FROM pg_class CROSS JOIN aclexplode(relacl) WHERE oid = $1::text::regclass
"""

SCHEMA_VERSION = f"SELECT max(number) FROM {LIVE}.schema_migrations"

FOLD_CODE = hashlib.sha256(Path(rooms.__file__).read_bytes()).hexdigest()
"""What folds, as it is written: rows of another fold are not gone on with."""


async def exists(connection: asyncpg.Connection) -> bool:
    """Whether a rebuild has begun and neither finished nor been discarded."""
    return bool(await connection.fetchval(EXISTS, SHADOW))


async def create(connection: asyncpg.Connection) -> None:
    """Create the shadow: empty tables, a checkpoint table of its own, and what it was made for."""
    async with connection.transaction():
        await connection.execute(f"CREATE SCHEMA {SHADOW}")
        for table in TABLES:
            live, fresh = f"{LIVE}.{table}", f"{SHADOW}.{table}"
            await connection.execute(f"CREATE TABLE {fresh} (LIKE {live} INCLUDING ALL EXCLUDING INDEXES)")
            for row in await connection.fetch(REST, live, fresh):
                await connection.execute(row[0])
        await connection.execute(f"CREATE TABLE {SHADOW}.checkpoints (LIKE {LIVE}.checkpoints INCLUDING ALL)")
        await connection.execute(f"CREATE TABLE {SHADOW}.made_for (schema_version integer, fold_code text)")
        await connection.execute(f"INSERT INTO {SHADOW}.made_for VALUES (({SCHEMA_VERSION}), $1)", FOLD_CODE)


async def is_ours(connection: asyncpg.Connection) -> bool:
    """Whether the live tables still are what the shadow was made after, and this program's fold has filled it."""
    row = await connection.fetchrow(f"SELECT ({SCHEMA_VERSION}) = schema_version, fold_code FROM {SHADOW}.made_for")
    return row is not None and bool(row[0]) and row[1] == FOLD_CODE


async def drop(connection: asyncpg.Connection) -> None:
    """Forget the shadow."""
    await connection.execute(f"DROP SCHEMA IF EXISTS {SHADOW} CASCADE")


async def exchange(connection: asyncpg.Connection) -> None:
    """Put the fresh tables in the place of the live ones, which are dropped. In the caller's transaction.

    All live tables are locked first: a statement that reads two of them sees both before or both after.
    """
    live = ", ".join(f"{LIVE}.{table}" for table in TABLES)
    await connection.execute(f"LOCK TABLE {live} IN ACCESS EXCLUSIVE MODE")
    await connection.execute(f"DROP TABLE {live}")
    for table in TABLES:
        await connection.execute(f"ALTER TABLE {SHADOW}.{table} SET SCHEMA {LIVE}")
    await drop(connection)
