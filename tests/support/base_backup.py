"""A base backup of a whole PostgreSQL server, put back in its place while everything else runs on."""

import asyncio
import contextlib
import os
import shutil
from pathlib import Path

import asyncpg

from postgres.embedded import EmbeddedPostgres
from tests.support.killable_processes import Postgres

NOT_COPIED = ("postmaster.pid", "postmaster.opts", ".s.*")
"""What belongs to the running server and to no other."""


class BaseBackup:
    """The files of a server as PostgreSQL's manual has them copied, and the label that it recovers from."""

    def __init__(self, server: EmbeddedPostgres, folder: Path, copy: Path) -> None:
        self._postgres = Postgres(server, folder)
        self._server = server
        self._cluster = folder / "postgres"
        self._copy = copy

    async def take(self) -> None:
        """Copy the cluster while the server runs; a former copy is forgotten."""
        await asyncio.to_thread(shutil.rmtree, self._copy, ignore_errors=True)
        connection = await asyncpg.connect(self._server.dsn)
        await connection.fetchval("SELECT pg_backup_start('test', true)")
        await asyncio.to_thread(self._copy_files, self._cluster, self._copy)
        label = await connection.fetchval("SELECT labelfile FROM pg_backup_stop(false)")
        (self._copy / "backup_label").write_text(label)
        for segment in (self._cluster / "pg_wal").iterdir():  # what was written while the files were copied
            if segment.is_file():
                _copy_if_there(f"{segment}", f"{self._copy / 'pg_wal' / segment.name}")
        await connection.close()

    async def restore(self) -> None:
        """Stop the server as a crash would, put the copy in its place, and start it."""
        await self._postgres.kill()
        await asyncio.to_thread(shutil.rmtree, self._cluster)
        await asyncio.to_thread(self._copy_files, self._copy, self._cluster)
        await self._postgres.start()

    @staticmethod
    def _copy_files(source: Path, target: Path) -> None:
        """With their owners: started by root, the server runs as another account."""
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(*NOT_COPIED), copy_function=_copy_if_there)
        owner = source.stat()
        for file in (target, *target.rglob("*")):
            os.chown(file, owner.st_uid, owner.st_gid)
        target.chmod(0o700)


def _copy_if_there(source: str, target: str) -> None:
    """A server that runs removes files, whose absence the write-ahead log explains."""
    with contextlib.suppress(FileNotFoundError):
        shutil.copy2(source, target)
