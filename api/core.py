"""The chat core: everything between a command and its event in the log, on one database."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from api.settings import Settings
from domain.chat import Chat
from domain.errors import RoomNotFound
from domain.room import TOPICS, Room
from eventstore.aggregates import Aggregates
from eventstore.append import Append
from eventstore.generation import KnownLog
from eventstore.log import Log
from eventstore.mapper import create_mapper
from eventstore.repository import Repository
from eventstore.snapshots import Snapshots
from eventstore.writer import Observer, Writer, unobserved
from postgres.database import Database
from projections.readmodels.bodies import Bodies
from projections.readmodels.members import Members
from projections.readmodels.projection import RoomsProjection
from projections.readmodels.queries import Queries


@dataclass(frozen=True, slots=True)
class Core:
    """What handlers and commands use."""

    database: Database
    known: KnownLog
    writer: Writer[Room]
    chat: Chat
    log: Log
    queries: Queries
    bodies: Bodies
    members: Members


@contextlib.asynccontextmanager
async def open_core(settings: Settings, *, observer: Observer = unobserved) -> AsyncIterator[Core]:
    """The core, for as long as the block lasts; commands under way are finished at its end.

    Raises StoreUnavailable when the database is away.
    """
    known = KnownLog()
    database = await Database.connect(
        settings.database_url,
        size=settings.database_pool,
        timeout_s=settings.database_timeout_s,
        on_connect=known.check,
    )
    async with contextlib.AsyncExitStack() as cleanup:
        cleanup.push_async_callback(database.close)
        mapper = create_mapper()
        log = Log(mapper, topics=TOPICS)
        aggregates: Aggregates[Room] = Aggregates(
            database, log, Snapshots(mapper), known, capacity=settings.rooms_in_memory
        )
        cleanup.push_async_callback(aggregates.close)
        writer = Writer(
            settings.database_url,
            Append(aggregates, RoomsProjection(), log, mapper, known),
            aggregates,
            queue_limit=settings.writer_queue,
            timeout_s=settings.database_timeout_s,
            observer=observer,
        )
        cleanup.push_async_callback(writer.close)
        await writer.start()
        rooms = Repository(aggregates, writer, not_found=lambda _: RoomNotFound("no such room"))
        bodies = Bodies(database)
        queries = Queries(database, log, bodies)
        yield Core(database, known, writer, Chat(rooms), log, queries, bodies, Members(database))
