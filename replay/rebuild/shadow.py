"""The shadow: fresh tables with the definition of the live ones, whose place they take in the end."""

import asyncpg

from eventstore import checkpoints
from postgres import todays_schema
from postgres.functions import FunctionFile
from postgres.migrations import schema_version
from projections.readmodels import fold_version
from projections.readmodels.custody import projection as custody
from projections.readmodels.projection import FUNCTIONS, RoomsProjection
from projections.readmodels.tables import LIVE, TABLES
from replay.rebuild.definition import at_creation, at_the_swap, not_carried_over

SHADOW = "onrecord_rebuild"
"""The schema that holds the shadow until its tables go live."""

MARK = "onrecord: a rebuild in progress; dropped when it ends"
"""The comment that marks the schema as ours. One of the same name without it is left alone."""

IS_OURS = "SELECT obj_description(oid, 'pg_namespace') IS NOT DISTINCT FROM $2 FROM pg_namespace WHERE nspname = $1"
INDEXES = "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = $1::text::regclass"
HAS_PRIMARY_KEY = "SELECT EXISTS (SELECT FROM pg_index WHERE indrelid = $1::text::regclass AND indisprimary)"
IS_THERE = "SELECT to_regclass($1) IS NOT NULL"


class NotOurs(Exception):
    """A schema has the name of the shadow and is not one."""


class TablesChanged(Exception):
    """The live tables or the schema are not what the shadow was made for."""


def fold_code() -> str:
    """Which fold this program has. A shadow filled by different fold code is discarded."""
    files = [FunctionFile.read(path).sha256 for path in (FUNCTIONS, custody.FUNCTIONS)]
    return f"{RoomsProjection.version} {' '.join(files)}"


async def exists(connection: asyncpg.Connection) -> bool:
    """Whether there is one: a rebuild runs or was interrupted. Raises NotOurs."""
    is_ours = await connection.fetchval(IS_OURS, SHADOW, MARK)
    if is_ours is False:
        raise NotOurs(f"the schema {SHADOW} is not of a rebuild: rename it")
    return bool(is_ours)


async def create(connection: asyncpg.Connection) -> None:
    """Create it: empty tables, a table of checkpoints, and a note of what it was made for."""
    async with connection.transaction():
        await connection.execute(f"CREATE SCHEMA {SHADOW}")
        await connection.execute(f"COMMENT ON SCHEMA {SHADOW} IS '{MARK}'")
        for table in TABLES:
            await _create_table(table, connection)
        for table in (checkpoints.TABLE, fold_version.TABLE):
            await connection.execute(f"CREATE TABLE {SHADOW}.{table} (LIKE {LIVE}.{table} INCLUDING ALL)")
        await fold_version.put_in_force(RoomsProjection.name, RoomsProjection.version, connection)
        await connection.execute(
            f"CREATE TABLE {SHADOW}.made_for (schema_version integer, fold_code text, definition text[])"
        )
        made_for = (await schema_version(connection), fold_code(), await _definition(connection))
        await connection.execute(f"INSERT INTO {SHADOW}.made_for VALUES ($1, $2, $3)", *made_for)


async def obstacles(connection: asyncpg.Connection) -> list[str]:
    """What depends on the live tables and cannot be moved to rebuilt ones."""
    there = [f"{LIVE}.{table}" for table in TABLES if await _is_there(table, connection)]
    return [f"{table}: {name}" for table in there for name in await not_carried_over(table, connection)]


async def is_usable(connection: asyncpg.Connection) -> bool:
    """Whether the schema and the live tables are what they were when it was created, and the fold that filled it is
    this program's.
    """
    row = await connection.fetchrow(f"SELECT schema_version, fold_code, definition FROM {SHADOW}.made_for")
    now = (await schema_version(connection), fold_code(), await _definition(connection))
    return row is not None and tuple(row) == now


async def drop(connection: asyncpg.Connection) -> None:
    """Discard it."""
    await connection.execute(f"DROP SCHEMA IF EXISTS {SHADOW} CASCADE")


async def swap(connection: asyncpg.Connection) -> None:
    """Put its tables in the place of the live ones, which are dropped. In the caller's transaction.

    All live tables are locked first: a statement that reads two of them sees both before or both after, and what was
    done to them since the shadow was created shows. Raises TablesChanged then.
    """
    there = [f"{LIVE}.{table}" for table in TABLES if await _is_there(table, connection)]
    if there:
        await connection.execute(f"LOCK TABLE {', '.join(there)} IN ACCESS EXCLUSIVE MODE")
    if not await is_usable(connection):
        raise TablesChanged("the schema or the live tables changed meanwhile; run it again")
    last = [statement for live in there for statement in await at_the_swap(live, connection)]
    await connection.execute(f"SET LOCAL search_path = {LIVE}")
    if there:
        await connection.execute(f"DROP TABLE {', '.join(there)}")
    for table in TABLES:
        await connection.execute(f"ALTER TABLE {SHADOW}.{table} SET SCHEMA {LIVE}")
    for statement in last:
        await connection.execute(statement)
    await fold_version.put_in_force(RoomsProjection.name, RoomsProjection.version, connection)
    await drop(connection)


async def _create_table(table: str, connection: asyncpg.Connection) -> None:
    """A fresh table like the live one with all of today's indexes; where there is none, as today's schema has it."""
    live, fresh = f"{LIVE}.{table}", f"{SHADOW}.{table}"
    if not await _is_there(table, connection):
        for statement in todays_schema.create_table(table):
            await connection.execute(statement)
        return
    await connection.execute(f"CREATE TABLE {fresh} (LIKE {live} INCLUDING ALL EXCLUDING INDEXES EXCLUDING STATISTICS)")
    for statement in await at_creation(live, fresh, connection):
        await connection.execute(statement)
    if not await connection.fetchval(HAS_PRIMARY_KEY, fresh):
        await connection.execute(f"ALTER TABLE {fresh} ADD {todays_schema.primary_key(table)}")
    present = {row[0].rpartition(".")[2] for row in await connection.fetch(INDEXES, fresh)}
    for name, statement in todays_schema.create_indexes(table).items():
        if name not in present:
            await connection.execute(statement)


async def _is_there(table: str, connection: asyncpg.Connection) -> bool:
    return bool(await connection.fetchval(IS_THERE, f"{LIVE}.{table}"))


async def _definition(connection: asyncpg.Connection) -> list[str]:
    """What the live tables are beyond their rows."""
    there = [f"{LIVE}.{table}" for table in TABLES if await _is_there(table, connection)]
    return sorted(
        [
            *[statement for live in there for statement in await at_creation(live, live, connection)],
            *[statement for live in there for statement in await at_the_swap(live, connection)],
        ]
    )
