"""Functions in the database. Each file of them is next to the code that calls them, and has a version.

A file is applied when its version is higher than the one in the database. During an upgrade, processes of the older
release run on and call what the newer one has applied. So a function whose arguments or meaning change gets a new name
(`fold_changes_v2`). The function that it replaces stays in the file until no supported release calls it; then the file
drops it (`DROP FUNCTION IF EXISTS`).
"""

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import asyncpg

from postgres.migrations import MigrationError, as_the_owner

APPLIED = "SELECT name, version, sha256 FROM schema_functions"
RECORD = """
INSERT INTO schema_functions (name, version, sha256) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET version = excluded.version, sha256 = excluded.sha256, applied_at = now()
"""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FunctionFile:
    """A file of functions. Its first line is `-- version N`; every change to the file raises N."""

    name: str
    version: int
    sql: str

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises MigrationError when the first line names no version."""
        sql = path.read_text(encoding="utf-8")
        version = re.match(r"-- version ([1-9][0-9]*)\n", sql)
        if version is None:
            raise MigrationError(f"{path.name} does not begin with a line `-- version N`")
        return cls(path.name, int(version[1]), sql)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def __str__(self) -> str:
        return f"{self.name} version {self.version}"


async def apply_functions(connection: asyncpg.Connection, files: Sequence[FunctionFile]) -> list[FunctionFile]:
    """Apply the files that are newer than what the database has, each in a transaction, and return them.

    The caller holds the schema lock. Raises MigrationError when the database has a newer version of a file, or the same
    version with other contents: replacing that would take functions away from a program that runs. Also when the role
    of `connection` may not apply one.
    """
    applied = {row["name"]: (row["version"], row["sha256"]) for row in await connection.fetch(APPLIED)}
    newer = [file for file in files if _is_newer(file, *applied.get(file.name, (0, "")))]
    for file in newer:
        with as_the_owner():
            async with connection.transaction():
                await connection.execute(file.sql)
                await connection.execute(RECORD, file.name, file.version, file.sha256)
        log.info("functions applied", extra={"file": file.name, "version": file.version})
    return newer


def _is_newer(file: FunctionFile, version: int, sha256: str) -> bool:
    """Whether `file` is to be applied over the version of it that the database has (0: none)."""
    if file.version < version:
        raise MigrationError(f"the database has {file.name} version {version}, this program only {file.version}")
    if file.version == version and file.sha256 != sha256:
        raise MigrationError(f"{file} was changed after it was applied to this database: raise its version")
    return file.version > version
