"""The event store with its inline read models, without the HTTP around it: several are as several processes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from domain.chat import Chat
from domain.errors import RoomNotFound
from domain.room import TOPICS, Room
from domain.values import OpenRoom, RoomId, UserId
from eventstore import append_lock
from eventstore.aggregates import Aggregates
from eventstore.append import Append
from eventstore.log import Log, Recorded
from eventstore.mapper import create_mapper
from eventstore.repository import Repository
from eventstore.snapshots import Snapshots
from eventstore.writer import Writer
from postgres.database import Database
from projections.readmodels.bodies import Bodies
from projections.readmodels.projection import RoomsProjection
from projections.readmodels.queries import Queries
from tests.support.conditions import eventually
from tests.support.given_when_then import ADA


@dataclass(frozen=True)
class Store:
    """The parts, by the names that tests use."""

    database: Database
    log: Log
    writer: Writer[Room]
    repository: Repository[Room]
    chat: Chat
    bodies: Bodies
    queries: Queries

    async def open_room(self, name: str = "General", *, by: UserId = ADA) -> RoomId:
        """A new room with one member."""
        return RoomId((await self.chat.open_room(OpenRoom(name, by))).event.originator_id)

    async def events(self) -> list[Recorded[Any]]:
        """The whole log."""
        async with self.database.connection() as connection:
            last = await self.log.last_position(connection=connection)
            return await self.log.between(0, last, limit=1_000_000, connection=connection)

    async def versions(self, room_id: UUID) -> list[int]:
        """The versions in a room's stream, in the order of the log."""
        return [r.event.originator_version for r in await self.events() if r.event.originator_id == room_id]


@contextlib.asynccontextmanager
async def open_store(dsn: str, *, capacity: int = 100, **limits: Any) -> AsyncIterator[Store]:
    """A store on a database with today's schema. `limits` are the writer's."""
    database = await Database.connect(dsn, size=4)
    mapper = create_mapper()
    log = Log(mapper, topics=TOPICS)
    aggregates = Aggregates[Room](database, log, Snapshots(mapper), capacity=capacity)
    writer = Writer(dsn, Append(aggregates, RoomsProjection(), log, mapper), aggregates, **limits)
    repository = Repository(aggregates, writer, not_found=lambda _: RoomNotFound("no such room"))
    bodies = Bodies(database)
    await writer.start()
    try:
        yield Store(database, log, writer, repository, Chat(repository), bodies, Queries(database, log, bodies))
    finally:
        await writer.close()
        await aggregates.close()
        await database.close()


@contextlib.asynccontextmanager
async def append_lock_held(dsn: str) -> AsyncIterator[None]:
    """Somebody else is appending for as long as the block lasts."""
    connection = await asyncpg.connect(dsn)
    async with connection.transaction():
        await append_lock.take(connection)
        yield
    await connection.close()


async def eventually_submitted(store: Store, waiting: int) -> None:
    """All commands so far reached the writer, and `waiting` of them are behind the batch under way."""

    async def submitted() -> bool:
        return store.writer.queue_depth == waiting

    await asyncio.sleep(0)
    await eventually(submitted)
