"""Schema changes: numbered SQL files, each applied once."""

import contextlib
import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

FOLDER = Path(__file__).resolve().parents[1] / "migrations"

log = logging.getLogger(__name__)

CREATE_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""

NOT_THE_OWNER = (
    "the schema is not that of this release, and this role may not change it: run `onrecord db init` as the role that "
    "owns it, then `onrecord db grant`"
)


class MigrationError(Exception):
    """The database's schema and this program do not fit together; the text says why."""


@dataclass(frozen=True)
class Migration:
    """One step. A file that has been applied anywhere is never edited: a different `sha256` is refused."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def __str__(self) -> str:
        return f"{self.number:04} {self.name}"


def read_migrations(folder: Path = FOLDER) -> list[Migration]:
    """The steps this program knows, ascending: files named `0001_what_it_does.sql`, each with its own number."""
    steps = [
        Migration(int(file.stem.partition("_")[0]), file.stem.partition("_")[2], file.read_text(encoding="utf-8"))
        for file in sorted(folder.glob("[0-9]*.sql"))
    ]
    numbers = [step.number for step in steps]
    if numbers != sorted(set(numbers)):
        raise MigrationError(f"two files in {folder.name}/ have the same number")
    return steps


async def apply_migrations(connection: asyncpg.Connection, steps: Sequence[Migration]) -> list[Migration]:
    """Apply the steps that the database lacks, each in a transaction, and return them.

    The caller holds the schema lock. Raises MigrationError when the database has a step that this program does not know
    or knows with other contents, or the role of `connection` may not apply one.
    """
    if await connection.fetchval("SELECT to_regclass('schema_migrations') IS NULL"):  # a role may lack CREATE
        await connection.execute(CREATE_LEDGER)
    applied = await _applied(connection)
    _check(applied, steps)
    pending = [step for step in steps if step.number not in applied]
    for step in pending:
        await _apply(connection, step)
    return pending


async def schema_version(connection: asyncpg.Connection) -> int:
    """The number of the newest step that was applied."""
    return int(await connection.fetchval("SELECT max(number) FROM schema_migrations"))


@contextlib.contextmanager
def as_the_owner() -> Iterator[None]:
    """Around a change of the schema. Raises MigrationError when the role may not make it."""
    try:
        yield
    except asyncpg.InsufficientPrivilegeError as error:
        raise MigrationError(NOT_THE_OWNER) from error


async def _applied(connection: asyncpg.Connection) -> dict[int, str]:
    rows = await connection.fetch("SELECT number, sha256 FROM schema_migrations ORDER BY number")
    return {row["number"]: row["sha256"] for row in rows}


def _check(applied: dict[int, str], steps: Sequence[Migration]) -> None:
    known = {step.number: step.sha256 for step in steps}
    for number, sha256 in applied.items():
        if number not in known:
            raise MigrationError(f"the database is at migration {number}, newer than this program ({max(known)})")
        if known[number] != sha256:
            raise MigrationError(f"migration {number} was changed after it was applied to this database")


async def _apply(connection: asyncpg.Connection, step: Migration) -> None:
    with as_the_owner():
        async with connection.transaction():
            await connection.execute(step.sql)
            await connection.execute(
                "INSERT INTO schema_migrations (number, name, sha256) VALUES ($1, $2, $3)",
                step.number,
                step.name,
                step.sha256,
            )
    log.info("migrated", extra={"migration": step.number, "migration_name": step.name})
