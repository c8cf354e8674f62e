"""Schema changes: numbered SQL files, each applied once, under a lock."""

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import asyncpg

FOLDER = Path(__file__).resolve().parents[1] / "migrations"
LOCK_KEY = 0x6F6E7265636F7264  # "onrecord": any number nobody else locks would do

log = logging.getLogger(__name__)

CREATE_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


class MigrationError(Exception):
    """The database's schema and this program do not belong together; the text says how."""


@dataclass(frozen=True)
class Migration:
    """One step. A file that has been applied anywhere is never edited: `sha256` holds everybody to that."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations(folder: Path = FOLDER) -> list[Migration]:
    """The steps this program knows, ascending: files named `0001_what_it_does.sql`, numbered from 1 without gaps."""
    steps = [
        Migration(int(file.stem.partition("_")[0]), file.stem.partition("_")[2], file.read_text())
        for file in sorted(folder.glob("[0-9]*.sql"))
    ]
    if [step.number for step in steps] != list(range(1, len(steps) + 1)):
        raise MigrationError(f"the files in {folder.name}/ are not numbered 1, 2, 3, …")
    return steps


async def migrate(connection: asyncpg.Connection, steps: list[Migration] | None = None) -> list[Migration]:
    """Apply what the database lacks, each step in its own transaction, and return it. Safe to run from many processes.

    Raises MigrationError when the database knows a step that this program does not, or knows it with other contents.
    """
    steps = migrations() if steps is None else steps
    await connection.execute("SELECT pg_advisory_lock($1)", LOCK_KEY)
    try:
        await connection.execute(CREATE_LEDGER)
        applied = await _applied(connection)
        _check(applied, steps)
        pending = [step for step in steps if step.number not in applied]
        for step in pending:
            await _apply(connection, step)
        return pending
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", LOCK_KEY)


async def _applied(connection: asyncpg.Connection) -> dict[int, str]:
    rows = await connection.fetch("SELECT number, sha256 FROM schema_migrations ORDER BY number")
    return {row["number"]: row["sha256"] for row in rows}


def _check(applied: dict[int, str], steps: list[Migration]) -> None:
    known = {step.number: step.sha256 for step in steps}
    for number, sha256 in applied.items():
        if number not in known:
            raise MigrationError(f"the database is at migration {number}, newer than this program ({len(steps)})")
        if known[number] != sha256:
            raise MigrationError(f"migration {number} was changed after it was applied to this database")


async def _apply(connection: asyncpg.Connection, step: Migration) -> None:
    async with connection.transaction():
        await connection.execute(step.sql)
        await connection.execute(
            "INSERT INTO schema_migrations (number, name, sha256) VALUES ($1, $2, $3)",
            step.number,
            step.name,
            step.sha256,
        )
    log.info("migrated", extra={"migration": step.number, "migration_name": step.name})
