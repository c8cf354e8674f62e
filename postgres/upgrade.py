"""Bringing a database up to date: its schema by migrations, then its functions, one process at a time."""

from collections.abc import Sequence

import asyncpg

from postgres.functions import FunctionFile, apply_functions
from postgres.locks import schema_lock
from postgres.migrations import Migration, apply_migrations


async def upgrade(
    connection: asyncpg.Connection, *, steps: Sequence[Migration], files: Sequence[FunctionFile]
) -> list[Migration | FunctionFile]:
    """Apply what the database lacks, and return it. Safe to run from many processes, and while others run.

    Raises MigrationError when the database is newer than this program, or an applied file was changed.
    """
    async with schema_lock(connection):
        return [*await apply_migrations(connection, steps), *await apply_functions(connection, files)]
