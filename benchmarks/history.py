"""A long log, made without running commands: the rows that they would have recorded, copied into the table."""

import random
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any
from uuid import UUID

import asyncpg

from domain.room import Room
from domain.values import UserId
from eventstore import append_lock
from eventstore.log import TABLE
from eventstore.mapper import create_mapper
from eventstore.stored_rows import Row, append_rows
from eventstore.values import Position, Version
from eventstore.words import seal

CONTENT = "What was said is kept, proved and replayed. " * 3
ROOMS, USERS = 200, 2_000
PAGE = 20_000


async def copy_history(dsn: str, events: int) -> None:
    """Append a log of so many events to an empty one: nine messages for each join or leave, in many rooms at once."""
    await copy_events(dsn, islice(_history(), events))


async def copy_events(dsn: str, events: Iterable[Any]) -> None:
    """Append these events to an empty log."""
    connection = await asyncpg.connect(dsn)
    async with connection.transaction():
        await append_lock.take(connection)
        rows = _rows(events)
        while page := list(islice(rows, PAGE)):
            await append_rows(page, connection, last=page[-1][0])
    await connection.execute(f"ANALYZE {TABLE}")
    await connection.close()


def _rows(events: Iterable[Any]) -> Iterator[Row]:
    mapper = create_mapper()
    for position, event in enumerate(events, start=1):
        (opening,) = seal([event])
        stored = mapper.to_stored_event(event)
        assert isinstance(stored.originator_id, UUID)
        version = Version(stored.originator_version)
        yield Position(position), stored.originator_id, version, stored.topic, stored.state, opening


def _history() -> Iterator[Any]:
    chance = random.Random(7)
    rooms = [Room.open(name=f"Room {number}", user_id=UserId(number + 1)) for number in range(ROOMS)]
    for room in rooms:
        yield from room.collect_events()
    members = {room.room_id: [UserId(number + 1)] for number, room in enumerate(rooms)}
    while True:
        room = chance.choice(rooms)
        present = members[room.room_id]
        if chance.random() < 0.9:
            room.post(user_id=chance.choice(present), content=CONTENT)
        elif len(present) > 1 and chance.random() < 0.3:
            room.leave(user_id=present.pop())
        else:
            user_id = UserId(chance.randrange(USERS) + 1)
            if user_id in room.members:
                continue
            room.join(user_id=user_id)
            present.append(user_id)
        yield from room.collect_events()
