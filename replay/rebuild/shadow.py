"""The shadow: fresh tables, made like the live ones down to owners and grants, which take their place in the end."""

import asyncpg

from eventstore import checkpoints
from postgres.functions import FunctionFile
from postgres.migrations import schema_version
from projections.readmodels.projection import FUNCTIONS, RoomsProjection
from projections.readmodels.tables import LIVE, TABLES

SHADOW = "rebuild"
"""The schema that holds the shadow until its tables go live."""

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


def fold_code() -> str:
    """Which fold this program has. A shadow filled by different fold code is discarded."""
    return f"{RoomsProjection.version} {FunctionFile.read(FUNCTIONS).sha256}"


async def exists(connection: asyncpg.Connection) -> bool:
    """Whether there is one: a rebuild runs or was interrupted."""
    return bool(await connection.fetchval(EXISTS, SHADOW))


async def create(connection: asyncpg.Connection) -> None:
    """Create it: empty tables, a table of checkpoints, and a note of the schema and the fold code it was made for."""
    async with connection.transaction():
        await connection.execute(f"CREATE SCHEMA {SHADOW}")
        for table in TABLES:
            live, fresh = f"{LIVE}.{table}", f"{SHADOW}.{table}"
            await connection.execute(f"CREATE TABLE {fresh} (LIKE {live} INCLUDING ALL EXCLUDING INDEXES)")
            for row in await connection.fetch(REST, live, fresh):
                await connection.execute(row[0])
        own, live = (f"{schema}.{checkpoints.TABLE}" for schema in (SHADOW, LIVE))
        await connection.execute(f"CREATE TABLE {own} (LIKE {live} INCLUDING ALL)")
        await connection.execute(f"CREATE TABLE {SHADOW}.made_for (schema_version integer, fold_code text)")
        version = await schema_version(connection)
        await connection.execute(f"INSERT INTO {SHADOW}.made_for VALUES ($1, $2)", version, fold_code())


async def is_usable(connection: asyncpg.Connection) -> bool:
    """Whether the schema has not changed since it was created, and the fold code that filled it is this program's."""
    row = await connection.fetchrow(f"SELECT schema_version, fold_code FROM {SHADOW}.made_for")
    return row is not None and tuple(row) == (await schema_version(connection), fold_code())


async def drop(connection: asyncpg.Connection) -> None:
    """Discard it."""
    await connection.execute(f"DROP SCHEMA IF EXISTS {SHADOW} CASCADE")


async def swap(connection: asyncpg.Connection) -> None:
    """Put its tables in the place of the live ones, which are dropped. In the caller's transaction.

    All live tables are locked first: a statement that reads two of them sees both before or both after.
    """
    live = ", ".join(f"{LIVE}.{table}" for table in TABLES)
    await connection.execute(f"LOCK TABLE {live} IN ACCESS EXCLUSIVE MODE")
    await connection.execute(f"DROP TABLE {live}")
    for table in TABLES:
        await connection.execute(f"ALTER TABLE {SHADOW}.{table} SET SCHEMA {LIVE}")
    await drop(connection)
