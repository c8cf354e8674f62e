"""Bringing a database up to date: its schema by migrations, then its functions, one process at a time."""

from collections.abc import Sequence

import asyncpg

from postgres.functions import FunctionFile, apply_functions
from postgres.locks import schema_lock
from postgres.migrations import Migration, MigrationError, apply_migrations

NOT_THE_OWNER = (
    "the schema is not that of this release, and this role may not change it: run `onrecord db init` as the role that "
    "owns it, then `onrecord db grant`"
)


async def upgrade(
    connection: asyncpg.Connection, *, steps: Sequence[Migration], files: Sequence[FunctionFile]
) -> list[Migration | FunctionFile]:
    """Apply what the database lacks, and return it. Safe to run from many processes, and while others run.

    Raises MigrationError when the database is newer than this program, an applied file was changed, or the role of
    `connection` may not apply what is lacking.
    """
    async with schema_lock(connection):
        try:
            return [*await apply_migrations(connection, steps), *await apply_functions(connection, files)]
        except asyncpg.InsufficientPrivilegeError as error:
            raise MigrationError(NOT_THE_OWNER) from error
