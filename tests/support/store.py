"""The event store with its inline read models, without HTTP. Several stores stand for several processes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import fields
from typing import Any
from uuid import UUID

import asyncpg

from api.core import Core
from api.secrets import snapshot_key
from api.settings import Settings
from api.wiring import open_core
from domain.ports import RecordedEvent
from domain.room import TOPICS
from domain.room.messages import PostMessage
from domain.room.opening import OpenRoom
from domain.values import ClientId, RoomId, UserId
from eventstore import append_lock
from eventstore.log import Stored
from eventstore.values import LOG_START, Position
from eventstore.writer.writer import Observer, unobserved
from projections.readmodels.shapes import user
from tests.support.conditions import eventually
from tests.support.given_when_then import ADA

SECRET = "the store's token key, as long as the service wants it"
SNAPSHOT_KEY = snapshot_key(Settings(centrifugo_token_secret=SECRET, centrifugo_api_key="a key"))


class Store(Core):
    """The chat core, with what tests ask of it."""

    async def open_room(self, name: str = "General", *, by: UserId = ADA) -> RoomId:
        """A new room with one member."""
        return RoomId((await self.chat.open_room(OpenRoom(name, by))).event.originator_id)

    async def say(
        self, room_id: RoomId, content: str, by: UserId = ADA, key: ClientId | None = None
    ) -> RecordedEvent[Position]:
        """Post a message as a request does: this process knows who says it. The account has no name."""
        self.authors.expect(user(by, None))
        return await self.chat.post_message(PostMessage(room_id, by, content, key))

    async def events(self) -> list[Stored[Any]]:
        """The whole log, with the words of people."""
        async with self.database.connection() as connection:
            last = await self.log.last_position(connection=connection)
            return await self.log.find(
                LOG_START, last, topics=TOPICS, stream_id=None, limit=1_000_000, connection=connection
            )

    async def versions(self, room_id: UUID) -> list[int]:
        """The versions in a room's stream, in the order of the log."""
        return [r.event.originator_version for r in await self.events() if r.event.originator_id == room_id]


@contextlib.asynccontextmanager
async def open_store(
    dsn: str,
    *,
    capacity: int = 100,
    queue_limit: int = 5000,
    timeout_s: float = 5.0,
    observer: Observer = unobserved,
    secret: str = SECRET,
) -> AsyncIterator[Store]:
    """A store on a database with today's schema. `queue_limit` and `observer` are the writer's."""
    settings = Settings(
        database_url=dsn,
        database_pool=4,
        database_timeout_s=timeout_s,
        rooms_in_memory=capacity,
        writer_queue=queue_limit,
        centrifugo_token_secret=secret,
        centrifugo_api_key="a key",
    )
    async with open_core(settings, observer=observer) as core:
        yield Store(**{field.name: getattr(core, field.name) for field in fields(core)})


@contextlib.asynccontextmanager
async def append_lock_held(dsn: str) -> AsyncIterator[None]:
    """Hold the append lock for the block, as another appending process does."""
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
