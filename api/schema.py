"""The schema of this release: which migrations and which files of functions a database needs."""

import asyncpg

from api.accounts import accounts
from api.attachments import uploads
from audit.checking import seals
from eventstore import generation, log, words
from eventstore.writer import append
from postgres.functions import FunctionFile
from postgres.migrations import Migration, MigrationError, read_migrations, schema_version
from postgres.upgrade import upgrade
from projections.readmodels import fold_version, projection
from projections.readmodels.admission import projection as admission
from projections.readmodels.custody import projection as custody
from projections.readmodels.discussion import projection as discussion
from projections.readmodels.governance import fold as governance
from projections.readmodels.name_keys import bring_keys_up_to_date


def function_files() -> list[FunctionFile]:
    """Every file of functions, in the order in which they are applied."""
    files = (
        log.APPEND_ONLY,
        words.FUNCTIONS,
        words.HELD,
        append.FUNCTIONS,
        generation.FUNCTIONS,
        projection.FUNCTIONS,
        admission.FUNCTIONS,
        governance.FUNCTIONS,
        discussion.FUNCTIONS,
        fold_version.FUNCTIONS,
        custody.FUNCTIONS,
        custody.KEPT,
        accounts.FUNCTIONS,
        uploads.FUNCTIONS,
        seals.FUNCTIONS,
    )
    return [FunctionFile.read(path) for path in files]


async def bring_up_to_date(connection: asyncpg.Connection) -> list[Migration | FunctionFile]:
    """Apply what the database lacks of today's schema, and return it. Raises MigrationError: see `postgres.upgrade`.

    A standby gets today's schema from its primary.
    """
    if await connection.fetchval("SELECT pg_is_in_recovery()"):
        await _refuse_another_schema(connection)
        return []
    applied = await upgrade(connection, steps=read_migrations(), files=function_files())
    await bring_keys_up_to_date(connection)
    return applied


async def _refuse_another_schema(connection: asyncpg.Connection) -> None:
    """Raises MigrationError unless the newest migration of a standby is this program's newest."""
    present, wanted = await schema_version(connection), read_migrations()[-1].number
    if present != wanted:
        raise MigrationError(
            f"this standby is at migration {present}, this program at {wanted}: bring its primary to the same release"
        )
