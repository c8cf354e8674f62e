"""The shadow: fresh tables with the definition of the live ones, whose place they take in the end."""

from collections.abc import Iterable

import asyncpg
import msgspec

from eventstore import checkpoints
from postgres import todays_schema
from postgres.functions import FunctionFile
from postgres.migrations import schema_version
from projections.readmodels import fold_version
from projections.readmodels.custody import projection as custody
from projections.readmodels.governance import fold as governance
from projections.readmodels.projection import FUNCTIONS, RoomsProjection
from projections.readmodels.tables import LIVE, TABLES, filled_columns
from replay.rebuild.definition import at_creation, at_the_swap
from replay.rebuild.description import dependents, describe, differences

SHADOW = "onrecord_rebuild"
"""The schema that holds the shadow until its tables go live."""

MARK = "onrecord: a rebuild in progress; dropped when it ends"
"""The comment that marks the schema as ours. One of the same name without it is left alone."""

IS_OURS = "SELECT obj_description(oid, 'pg_namespace') IS NOT DISTINCT FROM $2 FROM pg_namespace WHERE nspname = $1"
INDEXES = "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = $1::text::regclass"
HAS_PRIMARY_KEY = "SELECT EXISTS (SELECT FROM pg_index WHERE indrelid = $1::text::regclass AND indisprimary)"
IS_THERE = "SELECT to_regclass($1) IS NOT NULL"
AS_CHECKPOINTS = """
SELECT format('ALTER TABLE %s OWNER TO %s', $2::text, relowner::regrole) FROM pg_class WHERE oid = $1::text::regclass
UNION ALL
SELECT format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %s', $2::text, grantee::regrole)
FROM pg_class CROSS JOIN aclexplode(relacl) WHERE oid = $1::text::regclass AND grantee NOT IN (0, relowner)
GROUP BY grantee HAVING array_agg(privilege_type) @> '{SELECT, INSERT, UPDATE, DELETE}'
"""
STATISTICS = f"SELECT stxname FROM pg_statistic_ext WHERE stxnamespace = '{SHADOW}'::regnamespace"
HAS_UNLOGGED = f"""
SELECT EXISTS (SELECT FROM pg_class WHERE relnamespace = '{SHADOW}'::regnamespace AND relpersistence = 'u')
"""


REFUSALS = (
    asyncpg.SyntaxOrAccessError,
    asyncpg.DataError,
    asyncpg.FeatureNotSupportedError,
    asyncpg.ObjectNotInPrerequisiteStateError,
)
"""How PostgreSQL refuses a statement, rather than to fail at it."""


class NotOurs(Exception):
    """A schema has the name of the shadow and is not one."""


class TablesChanged(Exception):
    """The live tables or the schema are not what the shadow was made for."""


class NotCarriedOver(Exception):
    """A live table has something that a fresh one cannot be given. The text names it."""


def fold_code() -> str:
    """Which fold this program has. A shadow filled by different fold code is discarded."""
    files = [FunctionFile.read(path).sha256 for path in (FUNCTIONS, governance.FUNCTIONS, custody.FUNCTIONS)]
    return f"{RoomsProjection.version} {' '.join(files)}"


async def exists(connection: asyncpg.Connection) -> bool:
    """Whether there is one: a rebuild runs or was interrupted. Raises NotOurs."""
    is_ours = await connection.fetchval(IS_OURS, SHADOW, MARK)
    if is_ours is False:
        raise NotOurs(f"the schema {SHADOW} is not of a rebuild: rename it")
    return bool(is_ours)


async def refuse_obstacles(connection: asyncpg.Connection) -> None:
    """Refuse what would stop a live table from being replaced, and values that no fold makes. Raises NotCarriedOver."""
    there = await _present(connection)
    obstacles = await dependents([f"{LIVE}.{table}" for table in there], connection)
    for table in there:
        not_ours = sorted({*await filled_columns(table, connection)} - todays_schema.columns(table))
        obstacles += [f"column {name} of table {table}" for name in not_ours]
    _refuse(obstacles)


async def create(connection: asyncpg.Connection) -> None:
    """Create it: empty tables, a table of checkpoints, and a note of what it was made for. Raises NotCarriedOver."""
    there = await _present(connection)
    async with connection.transaction():
        await connection.execute(f"CREATE SCHEMA {SHADOW}")
        await connection.execute(f"COMMENT ON SCHEMA {SHADOW} IS '{MARK}'")
        for table in there:
            await _create_like_live(table, connection)
        await _rehearse_swap(there, connection)
        for table in there:
            await _restore_indexes(table, connection)
        for table in set(TABLES) - set(there):
            await _create_as_today(table, connection)
        for table in (checkpoints.TABLE, fold_version.TABLE):
            await connection.execute(f"CREATE TABLE {SHADOW}.{table} (LIKE {LIVE}.{table} INCLUDING ALL)")
        await fold_version.put_in_force(RoomsProjection.name, RoomsProjection.version, connection)
        await connection.execute(
            f"CREATE TABLE {SHADOW}.made_for (schema_version integer, fold_code text, description text)"
        )
        made_for = (await schema_version(connection), fold_code(), await _description(connection))
        await connection.execute(f"INSERT INTO {SHADOW}.made_for VALUES ($1, $2, $3)", *made_for)


async def is_usable(connection: asyncpg.Connection) -> bool:
    """Whether the schema and the live tables are what they were when it was created, and the fold that filled it is
    this program's.
    """
    row = await connection.fetchrow(f"SELECT * FROM {SHADOW}.made_for")
    now = (await schema_version(connection), fold_code(), await _description(connection))
    return row is not None and tuple(row) == now


async def survives_a_crash(connection: asyncpg.Connection) -> bool:
    """Whether a crash of the database leaves it as it is: PostgreSQL empties unlogged tables."""
    return not await connection.fetchval(HAS_UNLOGGED)


async def drop(connection: asyncpg.Connection) -> None:
    """Discard it."""
    await connection.execute(f"DROP SCHEMA IF EXISTS {SHADOW} CASCADE")


async def swap(connection: asyncpg.Connection) -> None:
    """Put its tables in the place of the live ones, which are dropped. In the caller's transaction.

    All live tables are locked first: a statement that reads two of them sees both before or both after, and what was
    done to them since the shadow was created shows. Raises TablesChanged then.
    """
    there = await _present(connection)
    tables = ", ".join(f"{LIVE}.{table}" for table in there)
    if there:
        await connection.execute(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")
    if not await is_usable(connection):
        raise TablesChanged("the schema or the live tables changed meanwhile; run it again")
    last = [each for table in there for each in await at_the_swap(f"{LIVE}.{table}", f"{LIVE}.{table}", connection)]
    await connection.execute(f"SET LOCAL search_path = {LIVE}")
    if there:
        await connection.execute(f"DROP TABLE {tables}")
    for table in TABLES:
        await connection.execute(f"ALTER TABLE {SHADOW}.{table} SET SCHEMA {LIVE}")
    for (name,) in await connection.fetch(STATISTICS):
        await connection.execute(f'ALTER STATISTICS {SHADOW}."{name}" SET SCHEMA {LIVE}')
    await _execute(last, connection)
    await fold_version.put_in_force(RoomsProjection.name, RoomsProjection.version, connection)
    await drop(connection)


async def _create_like_live(table: str, connection: asyncpg.Connection) -> None:
    live, fresh = f"{LIVE}.{table}", f"{SHADOW}.{table}"
    without = "EXCLUDING INDEXES EXCLUDING STATISTICS EXCLUDING CONSTRAINTS EXCLUDING COMMENTS"
    await connection.execute(f"CREATE TABLE {fresh} (LIKE {live} INCLUDING ALL {without})")
    await _execute(await at_creation(live, fresh, connection), connection)


async def _create_as_today(table: str, connection: asyncpg.Connection) -> None:
    """A table that was lost. Its owner and the roles that may write are those of the checkpoints."""
    await _execute(todays_schema.create_table(table), connection)
    for (statement,) in await connection.fetch(AS_CHECKPOINTS, f"{LIVE}.{checkpoints.TABLE}", f"{SHADOW}.{table}"):
        await connection.execute(statement)


async def _rehearse_swap(there: list[str], connection: asyncpg.Connection) -> None:
    """Do to the empty tables what the swap does, compare them with the live ones, and take it back."""
    rehearsal = connection.transaction()
    await rehearsal.start()
    await connection.execute(f"GRANT ALL ON SCHEMA {SHADOW} TO PUBLIC")  # owners and grantors have rights in `public`
    for table in there:
        await _execute(await at_the_swap(f"{LIVE}.{table}", f"{SHADOW}.{table}", connection), connection)
    live, fresh = await describe(LIVE, there, connection), await describe(SHADOW, there, connection)
    await rehearsal.rollback()
    _refuse(differences(live, fresh))


async def _execute(statements: Iterable[str], connection: asyncpg.Connection) -> None:
    for statement in statements:
        try:
            await connection.execute(statement)
        except asyncpg.LockNotAvailableError:
            raise
        except REFUSALS as error:
            raise NotCarriedOver(f"a rebuilt table cannot take over what this does: {statement}: {error}") from error


def _refuse(obstacles: list[str]) -> None:
    if obstacles:
        raise NotCarriedOver(
            f"a rebuilt table cannot take over {', '.join(obstacles)}: remove it before, and add it again afterwards"
        )


async def _restore_indexes(table: str, connection: asyncpg.Connection) -> None:
    """The key and the indexes of today's schema that the live table lost."""
    fresh = f"{SHADOW}.{table}"
    if not await connection.fetchval(HAS_PRIMARY_KEY, fresh):
        await connection.execute(f"ALTER TABLE {fresh} ADD {todays_schema.primary_key(table)}")
    present = {row[0].rpartition(".")[2] for row in await connection.fetch(INDEXES, fresh)}
    for name, statement in todays_schema.create_indexes(table).items():
        if name not in present:
            await connection.execute(statement)


async def _present(connection: asyncpg.Connection) -> list[str]:
    """The live tables that are there."""
    return [table for table in TABLES if await connection.fetchval(IS_THERE, f"{LIVE}.{table}")]


async def _description(connection: asyncpg.Connection) -> str:
    """What the live tables are beyond their rows."""
    described = await describe(LIVE, await _present(connection), connection)
    return msgspec.json.encode(described, order="deterministic").decode()
