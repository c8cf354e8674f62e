"""How much of the disk each table takes, and what that is for an event and for a message."""

from msgspec import Struct

from eventstore.log import LAST_POSITION
from postgres.database import Database
from projections.readmodels.tables import LIVE

# Sizes are of files: rows that died count until VACUUM, and pages that are half empty count whole. Rows are as
# PostgreSQL counted them last; where it has not, it is asked nothing, and they are unknown.
TABLES = """
SELECT
    relname AS name,
    CASE WHEN reltuples >= 0 THEN reltuples::bigint END AS rows,
    pg_relation_size(oid) AS heap,
    pg_indexes_size(oid) AS indexes,
    pg_total_relation_size(oid) - pg_relation_size(oid) - pg_indexes_size(oid) AS other
FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind = 'r'
ORDER BY pg_total_relation_size(oid) DESC, relname
"""
INDEXES = """
SELECT relname AS name, pg_relation_size(indexrelid) AS bytes
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE indrelid = format('%I.%I', $1::text, $2::text)::regclass ORDER BY bytes DESC, relname
"""
COUNTS = f"""
SELECT ({LAST_POSITION}) AS events, (SELECT coalesce(sum(message_count), 0)::bigint FROM rooms) AS messages
"""


class IndexSize(Struct, frozen=True):
    """An index of a table, in bytes."""

    name: str
    bytes: int


class TableSize(Struct, frozen=True):
    """A table, in bytes: its rows, its indexes, and the rest, which is TOAST and PostgreSQL's maps of free space.

    `rows` is what PostgreSQL counted last, None where it has not counted yet.
    """

    name: str
    rows: int | None
    heap: int
    indexes: int
    other: int
    by_index: list[IndexSize]

    @property
    def bytes(self) -> int:
        """All of it."""
        return self.heap + self.indexes + self.other


class Sizes(Struct, frozen=True):
    """Tables, the largest first. `events` are positions of the log, `messages` those of all rooms."""

    events: int
    messages: int
    tables: list[TableSize]

    @property
    def bytes(self) -> int:
        """Of all tables."""
        return sum(table.bytes for table in self.tables)


async def read_sizes(database: Database) -> Sizes:
    """Look at every table in one snapshot. Reads no table but the list of rooms."""
    async with database.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        counts = await connection.fetchrow(COUNTS)
        tables = [
            TableSize(
                **row, by_index=[IndexSize(**each) for each in await connection.fetch(INDEXES, LIVE, row["name"])]
            )
            for row in await connection.fetch(TABLES, LIVE)
        ]
    return Sizes(counts["events"], counts["messages"], tables)
