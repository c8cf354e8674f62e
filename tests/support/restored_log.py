"""A database that goes back to an earlier state, as after a restore: its clients lose their connections."""

from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import asyncpg

END_CONNECTIONS = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1"


@dataclass(frozen=True)
class Backup:
    """A copy of a database, which can take its place."""

    dsn: str

    @classmethod
    async def take(cls, dsn: str) -> "Backup":
        """Copy the database as it is now. Its connections are ended: PostgreSQL copies only what is not in use."""
        backup = cls(dsn)
        await backup._copy(backup._name, f"{backup._name}_backup")
        return backup

    async def restore(self) -> None:
        """Put the copy in the place of the database."""
        server = await self._server()
        await server.execute(f"DROP DATABASE {self._name} WITH (FORCE)")
        await server.close()
        await self._copy(f"{self._name}_backup", self._name)

    async def discard(self) -> None:
        server = await self._server()
        await server.execute(f"DROP DATABASE {self._name}_backup")
        await server.close()

    @property
    def _name(self) -> str:
        return urlsplit(self.dsn).path.removeprefix("/")

    async def _copy(self, name: str, copy: str) -> None:
        server = await self._server()
        await server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await server.execute(END_CONNECTIONS, name)
        await server.execute(f"CREATE DATABASE {copy} TEMPLATE {name}")
        await server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await server.close()

    async def _server(self) -> asyncpg.Connection:
        """A connection to another database of the same server."""
        return await asyncpg.connect(urlunsplit(urlsplit(self.dsn)._replace(path="/postgres")))
