"""The connection pool, and the one place where a driver's exceptions become ours."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, Self, TypeVar

import asyncpg

from postgres.connect import SESSION, apply_settings, open_connection
from postgres.errors import StoreUnavailable
from postgres.type_memory import Connection

UNAVAILABLE = (
    OSError,  # refused, reset, no such socket; TimeoutError is one too
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, cancelled
    asyncpg.InsufficientResourcesError,  # too many connections, disk full
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby, before it is promoted
    asyncpg.TransactionRollbackError,  # PostgreSQL resolved a deadlock by aborting our transaction
    asyncpg.InvalidCatalogNameError,  # no such database, while a backup is put in its place;
    asyncpg.InvalidAuthorizationSpecificationError,  # no such role, or another password, while it is changed
)
"""What a driver raises when the database is away: the same command may succeed later."""

REASONS: Mapping[type[BaseException], str] = {
    asyncpg.ReadOnlySQLTransactionError: "the database only answers reads: it is a standby, or was made read-only",
    asyncpg.DiskFullError: "the database has no space left on its disk",
    asyncpg.InvalidCatalogNameError: "the database refuses the connection: {}",
    asyncpg.CannotConnectNowError: "the database refuses the connection: {}",
    asyncpg.InvalidAuthorizationSpecificationError: "the database refuses the connection: {}",
    asyncpg.ClientConfigurationError: "the database's URL: {}",
}
"""How we name what people can mend, with the driver's own words where they say more."""

LOST = (
    ConnectionError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,  # closed before a query was sent
    asyncpg.InternalClientError,  # closed while a query was being sent
)
"""What a connection raises when its other end is gone, as after a restart of the database."""

OnConnect = Callable[[asyncpg.Connection], Awaitable[None]]

T = TypeVar("T")


@contextlib.contextmanager
def unavailable_is_one_error() -> Iterator[None]:
    """Raise StoreUnavailable in place of every error that says that the database is away."""
    try:
        yield
    except UNAVAILABLE as error:
        raise StoreUnavailable(reason_of(error)) from error


def reason_of(error: BaseException) -> str:
    """What keeps the database from answering, in one line."""
    for kind in type(error).__mro__:
        if kind in REASONS:
            return REASONS[kind].format(" ".join(str(error).split()))
    return f"the database is not available ({type(error).__name__})"


async def _nothing_to_reset(connection: asyncpg.Connection) -> None:
    """Code that uses the pool leaves nothing to reset except, after an error, a transaction: asyncpg rolls it back.

    By default it also resets settings, locks, cursors and listeners: a round trip after every statement.
    """


class Database:
    """A pool of connections for reads and small writes. Every call takes at most `timeout_s` seconds.

    Raises StoreUnavailable when the database is away, from every method.
    """

    def __init__(self, pool: asyncpg.Pool, *, timeout_s: float) -> None:
        self._pool = pool
        self._timeout_s = timeout_s

    @classmethod
    async def connect(
        cls,
        dsn: str,
        *,
        size: int = 10,
        timeout_s: float = 5.0,
        on_connect: OnConnect | None = None,
    ) -> Self:
        """Open the pool; it holds at most `size` connections. `on_connect` is called with each before its use."""

        async def prepare(connection: asyncpg.Connection) -> None:
            await apply_settings(connection, SESSION)
            if on_connect is not None:
                await on_connect(connection)

        with unavailable_is_one_error():
            pool = await asyncpg.create_pool(
                dsn,
                min_size=1,
                max_size=size,
                timeout=timeout_s,
                command_timeout=timeout_s,
                connect=open_connection,
                connection_class=Connection,
                init=prepare,
                reset=_nothing_to_reset,
            )
        return cls(pool, timeout_s=timeout_s)

    async def close(self) -> None:
        """Close every connection, without waiting for one that hangs."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    async def fetch(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        """All rows of one statement, which may be run twice: see `read`."""
        return await self.read(lambda connection: connection.fetch(sql, *arguments))

    async def fetchrow(self, sql: str, *arguments: Any) -> asyncpg.Record | None:
        """The first row, or None, of a statement that may be run twice."""
        return await self.read(lambda connection: connection.fetchrow(sql, *arguments))

    async def fetchval(self, sql: str, *arguments: Any) -> Any:
        """The first column of the first row, or None, of a statement that may be run twice."""
        return await self.read(lambda connection: connection.fetchval(sql, *arguments))

    async def read(self, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """Do `work` on a connection of the pool, and again on a fresh one when the first turns out dead.

        Only for work that is safe to repeat: the first attempt may have taken effect.
        """
        try:
            return await self._once(work)
        except StoreUnavailable as error:
            if not isinstance(error.__cause__, LOST):
                raise
        await self._pool.expire_connections()  # the others are likely to have died with it
        return await self._once(work)

    async def _once(self, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """In `connection`, put down without its context managers: they are a fifth of what a small read takes."""
        try:
            connection = await self._acquired()
            try:
                return await work(connection)
            finally:
                await self._pool.release(connection, timeout=self._timeout_s)
        except UNAVAILABLE as error:
            raise StoreUnavailable(reason_of(error)) from error

    async def _acquired(self) -> asyncpg.Connection:
        """A connection of the pool. Where one is idle there is nothing to wait for: a timer is half of the cost."""
        return await self._pool.acquire(timeout=None if self._pool.get_idle_size() > 0 else self._timeout_s)

    async def execute(self, sql: str, *arguments: Any) -> str:
        """Run one statement, once; returns PostgreSQL's command tag."""
        async with self.connection() as connection:
            return str(await connection.execute(sql, *arguments))

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection in a transaction, which commits when the block ends without an error."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection of the pool, for more than one statement; its settings and locks stay as they were."""
        with unavailable_is_one_error():
            connection = await self._acquired()
            try:
                yield connection
            finally:
                await self._pool.release(connection, timeout=self._timeout_s)
