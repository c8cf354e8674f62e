"""Tables that may hold dead rows with words in them, and how they are rewritten.

A deleted row stays in the files of its table and indexes until they are rewritten. The rule: a table with any column
that has room for a text, dropped columns included, is rewritten, unless it is named as an exception.
"""

import asyncio
import time
from collections.abc import Sequence

import asyncpg
from msgspec import Struct

MOST_FIXED_BYTES = 16
"""A value of a fixed length up to this, such as a number, a time or a uuid, has no room for a text."""

TABLES = f"""
SELECT format('%I.%I', nspname, relname) AS name, pg_total_relation_size(pg_class.oid) AS bytes,
    pg_has_role(relowner, 'USAGE') AS is_ours
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = ANY($1::text[]) AND relkind IN ('r', 'm') AND relname <> ALL($2::text[])
    AND EXISTS (
        SELECT FROM pg_attribute
        WHERE attrelid = pg_class.oid AND attnum > 0 AND attlen NOT BETWEEN 1 AND {MOST_FIXED_BYTES})
ORDER BY bytes, name
"""
BYTES = "SELECT pg_total_relation_size(to_regclass($1))"

LOCK_TIMEOUT_S = 2.0
"""A lock that is not granted in this time is given up for a while: whoever wants the table queues behind it."""

BETWEEN_TRIES_S = 1.0


class NotLocked(Exception):
    """A table was in use for as long as we were to wait."""


class Table(Struct, frozen=True):
    """A table by its name in SQL, and the bytes of its files with those of its indexes."""

    name: str
    bytes: int
    is_ours: bool = True


class Rewritten(Struct, frozen=True):
    """A table that was rewritten. `locked_s` is how long it was locked, at most."""

    name: str
    bytes_before: int
    bytes_after: int
    locked_s: float


async def tables_with_text(
    schemas: Sequence[str], exceptions: Sequence[str], connection: asyncpg.Connection
) -> list[Table]:
    """The tables of these schemas that have room for texts, the smallest first."""
    return [Table(*row) for row in await connection.fetch(TABLES, list(schemas), list(exceptions))]


async def rewrite(table: Table, connection: asyncpg.Connection, *, deadline: float) -> Rewritten | None:
    """Rewrite its rows and indexes into fresh files. The old ones are emptied at once, and go with the next checkpoint.

    None when the table was dropped meanwhile. Raises NotLocked when it is in use until `deadline` (monotonic seconds).
    """
    await connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT_S}s'")
    while True:
        began = time.monotonic()
        try:
            await connection.execute(f"VACUUM (FULL) {table.name}")
        except asyncpg.LockNotAvailableError:
            if time.monotonic() + BETWEEN_TRIES_S > deadline:
                raise NotLocked(f"{table.name} is in use all the time") from None
            await asyncio.sleep(BETWEEN_TRIES_S)
        except asyncpg.UndefinedTableError:
            return None
        else:
            seconds = round(time.monotonic() - began, 3)
            return Rewritten(table.name, table.bytes, await connection.fetchval(BYTES, table.name) or 0, seconds)
