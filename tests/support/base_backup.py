"""A base backup of a whole PostgreSQL server, put back in its place while everything else runs on."""

import asyncio
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
        """Copy the cluster while the server runs."""
        connection = await asyncpg.connect(self._server.dsn)
        await connection.fetchval("SELECT pg_backup_start('test', true)")
        await asyncio.to_thread(self._copy_files, self._cluster, self._copy)
        label = await connection.fetchval("SELECT labelfile FROM pg_backup_stop(false)")
        (self._copy / "backup_label").write_text(label)
        for segment in (self._cluster / "pg_wal").iterdir():  # what was written while the files were copied
            if segment.is_file():
                shutil.copy(segment, self._copy / "pg_wal" / segment.name)
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
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(*NOT_COPIED))
        owner = source.stat()
        for file in (target, *target.rglob("*")):
            os.chown(file, owner.st_uid, owner.st_gid)
        target.chmod(0o700)
