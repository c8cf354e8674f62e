"""Tables of a read model under the same names in another schema, so that the same fold writes to them instead."""

import contextlib
from collections.abc import AsyncIterator
from typing import Self

import asyncpg

from eventstore.append import MOVE_CHECKPOINT
from eventstore.database import SESSION, unavailable_is_one_error
from replay.models import ReadModel

LIVE = "public"
TEMPORARY = "pg_temp"
"""The schema of tables that only their connection sees, that cost no write-ahead log, and that end with it."""

CHECKPOINTS = "checkpoints"

OPTIONS = "SELECT reloptions FROM pg_class WHERE oid = $1::regclass"
CONSTRAINTS = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = $1::regclass AND contype IN ('p', 'u', 'x') ORDER BY conname
"""
INDEXES = """
SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = $1::regclass
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND conrelid = indrelid)
ORDER BY indexrelid
"""

READ_CHECKPOINT = "SELECT coalesce((SELECT position FROM {}.checkpoints WHERE projection = $1), 0)"


class Shadow:
    """The tables of `model` in `schema`, and a table of checkpoints beside them, seen before the live ones.

    What runs over `connection` and names a table without a schema means these.
    """

    def __init__(self, model: ReadModel, schema: str, connection: asyncpg.Connection) -> None:
        self.model = model
        self.schema = schema
        self.connection = connection

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, dsn: str, model: ReadModel, schema: str) -> AsyncIterator[Self]:
        """The shadow on a connection of its own, which has no time limit: what it does may take hours."""
        settings = {
            **SESSION,
            "application_name": "onrecord replay",
            "search_path": f"{schema}, {LIVE}",
            "temp_buffers": "64MB",
            # What a crash can lose, it loses together with its checkpoint, and folds again.
            "synchronous_commit": "off",
        }
        with unavailable_is_one_error():
            connection = await asyncpg.connect(dsn, server_settings=settings)
        try:
            with unavailable_is_one_error():
                yield cls(model, schema, connection)
        finally:
            connection.terminate()

    async def create(self) -> None:
        """Make the tables, empty, equal to the live ones in columns, constraints, indexes (names too) and options."""
        await self._create_like(CHECKPOINTS)
        for table in self.model.tables:
            await self._create_like(table.name)

    async def _create_like(self, table: str) -> None:
        live, ours = f"{LIVE}.{table}", f"{self.schema}.{table}"
        await self.connection.execute(f"CREATE TABLE {ours} (LIKE {live} INCLUDING ALL EXCLUDING INDEXES)")
        if options := await self.connection.fetchval(OPTIONS, live):
            await self.connection.execute(f"ALTER TABLE {ours} SET ({', '.join(options)})")
        for name, definition in await self.connection.fetch(CONSTRAINTS, live):
            await self.connection.execute(f'ALTER TABLE {ours} ADD CONSTRAINT "{name}" {definition}')
        for (definition,) in await self.connection.fetch(INDEXES, live):
            await self.connection.execute(definition.replace(f" ON {live} ", f" ON {ours} ", 1))

    async def checkpoint(self) -> int:
        """How far these tables are folded."""
        return int(await self.connection.fetchval(READ_CHECKPOINT.format(self.schema), self.model.name))

    async def live_checkpoint(self) -> int:
        """How far the live tables are folded."""
        return int(await self.connection.fetchval(READ_CHECKPOINT.format(LIVE), self.model.name))

    async def move_checkpoint(self, position: int) -> None:
        await self.connection.execute(MOVE_CHECKPOINT, self.model.name, position)

    async def analyze(self) -> None:
        """Let the planner know what is in the tables: a temporary table has nobody else who would."""
        for table in self.model.tables:
            await self.connection.execute(f"ANALYZE {self.schema}.{table.name}")
