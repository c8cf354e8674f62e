"""A log of many messages, made without running commands: the rows that they would have recorded, copied into the table.

Through the writer a message took 214 µs of processor time, Python and PostgreSQL together; so it took 147, with the
read models, which a rebuild folds (both on a loaded machine). Nothing is written here that could differ from what the
service writes: states are made by its mapper, that of a message once, and then with other times, authors and seals. The
log verifies.
"""

import asyncio
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, count, islice
from typing import Any
from uuid import UUID

import asyncpg
from argon2 import PasswordHasher

from api.wiring import create_fold
from benchmarks.posting import BEGIN_AFTER_THEM
from domain.room import Room
from domain.values import UserId
from eventstore import append_lock
from eventstore.log import TABLE
from eventstore.mapper import create_mapper
from eventstore.stored_rows import Row, append_rows
from eventstore.values import Position, Version
from eventstore.words import SALT_BYTES, Opening, seal
from replay.progress import unwatched
from replay.rebuild.rebuild import rebuild
from tests.support.people import PASSWORD

CHARACTERS = 130
"""Of a message."""

MEMBERS = 25
"""Of a room, its owner included."""

OF_ADA = 20
"""Rooms that she is in, whatever the size of the log: her pages show as much. All of the smallest log."""

GENERAL = 0.15
"""Part of the messages that is said in the first of her rooms."""

DAYS, KEPT_DAYS = 30, 7
"""For how long people have talked, and how long idempotency keys are kept."""

VOCABULARY, TEXTS = 20_000, 20_000
"""Words; the word number n is said 1/n as often as the first one. Texts made of them."""

PAGE = 20_000

ADA, GRACE = UserId(1), UserId(2)
"""Ada is an admin, and reads; Grace is in none of the rooms."""

PEOPLE = """
INSERT INTO users (username, username_key, password_hash, role)
SELECT name, name, $2, CASE number WHEN 1 THEN 'admin' ELSE 'user' END
FROM (
    SELECT number, CASE number WHEN 1 THEN 'ada' WHEN 2 THEN 'grace' ELSE 'user' || number END AS name
    FROM generate_series(1, $1::int) AS number ORDER BY number
) AS people
"""
# What the writer would have kept of the client ids, while it keeps them.
KEYS = """
INSERT INTO idempotency_keys (owner, key, fingerprint, originator_id, originator_version, recorded_at)
SELECT user_id, client_id, sha256(convert_to(client_id, 'utf8')), stream, messages.version, posted_at
FROM bodies JOIN messages ON room_id = stream AND messages.version = bodies.version
WHERE client_id IS NOT NULL AND posted_at > now() - $1 * interval '1 day' ORDER BY posted_at
"""
READ_ALL = """
INSERT INTO read_marks (user_id, room_id, version, messages, own)
SELECT $1, room_id, rooms.version, rooms.message_count, coalesce(authors.message_count, 0)
FROM rooms JOIN memberships AS stay USING (room_id) LEFT JOIN authors USING (room_id, user_id)
WHERE stay.user_id = $1
"""


@dataclass(frozen=True)
class Size:
    """Of a log. Each room has `MEMBERS`, Ada is in the first `OF_ADA`."""

    messages: int
    rooms: int
    people: int


def texts() -> list[str]:
    """What people say: texts of `CHARACTERS` characters."""
    chance = random.Random(7)
    lengths = [min(12, 2 + int(chance.expovariate(0.25))) for _ in range(VOCABULARY)]
    words = ["".join(chance.choices("etaoinshrdlucmfwypvbgkjqxz", k=length)) for length in lengths]
    weights = list(accumulate(1 / number for number in range(1, VOCABULARY + 1)))
    said = " ".join(chance.choices(words, cum_weights=weights, k=CHARACTERS * TEXTS // 4))
    return [said[start : start + CHARACTERS] for start in range(0, CHARACTERS * TEXTS, CHARACTERS)]


async def fill(dsn: str, size: Size) -> None:
    """Make accounts, a log and all that the service derives from it, but the index for search and the tree."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(PEOPLE, size.people, PasswordHasher().hash(PASSWORD))
    async with connection.transaction():
        await append_lock.take(connection)
        rows = _rows(size)
        page = next_page(rows)
        while page:  # the next rows are made while PostgreSQL takes these
            making = asyncio.create_task(asyncio.to_thread(next_page, rows))
            await append_rows(page, connection, last=page[-1][0])
            page = await making
    await connection.execute(f"ANALYZE {TABLE}, bodies")
    await rebuild(create_fold(), dsn, unwatched)
    await connection.execute(KEYS, KEPT_DAYS)
    await connection.execute(READ_ALL, ADA)
    await connection.execute(BEGIN_AFTER_THEM)
    await connection.execute("VACUUM (ANALYZE)")
    await connection.close()


def next_page(rows: Iterator[Row]) -> list[Row]:
    return list(islice(rows, PAGE))


def _rows(size: Size) -> Iterator[Row]:
    """Rooms, their members, and then what they say, spread over the days until now."""
    chance = random.Random(8)
    began = datetime.now(UTC) - timedelta(days=DAYS)
    rooms = [_room(number, size, chance) for number in range(size.rooms)]
    positions = count(1)
    for room in rooms:
        for event in room.collect_events():
            yield _row(event, Position(next(positions)), began)
    yield from _messages(rooms, size, began, positions, chance)


def _room(number: int, size: Size, chance: random.Random) -> Room:
    """Its owner is Ada in the first ones."""
    others = chance.sample(range(GRACE + 1, size.people + 1), MEMBERS)
    first, *rest = [ADA, *others[:-1]] if number < OF_ADA else others
    room = Room.open(name="General" if number == 0 else f"Room {number}", user_id=UserId(first))
    for user_id in rest:
        room.join(user_id=UserId(user_id))
    return room


def _row(event: Any, position: Position, at: datetime) -> Row:
    """As the service would have recorded it at that time."""
    (opening,) = seal([event])
    stored = create_mapper().to_stored_event(event)
    state = stored.state.replace(event.timestamp.isoformat().encode(), at.isoformat().encode())
    assert isinstance(stored.originator_id, UUID)
    return position, stored.originator_id, Version(stored.originator_version), stored.topic, state, opening


def _messages(
    rooms: list[Room], size: Size, began: datetime, positions: Iterator[int], chance: random.Random
) -> Iterator[Row]:
    """Each text ends with a number, so that no two are the same."""
    said, written, step = texts(), _WrittenMessage(), timedelta(days=DAYS) / size.messages
    members = [list(room.members) for room in rooms]
    streams = [room.room_id for room in rooms]
    versions = [room.version for room in rooms]
    at = began
    for number in range(size.messages):
        place = 0 if chance.random() < GENERAL else 1 + int(chance.random() * (size.rooms - 1))
        versions[place] += 1
        at += step
        key = f"{chance.getrandbits(128):032x}"  # as those of our own client
        ending = f" {number}"
        content = said[number % TEXTS][: CHARACTERS - len(ending)] + ending
        opening = Opening(os.urandom(SALT_BYTES), content, key)
        author = members[place][number % MEMBERS]
        state = written.state(at, author, opening.seal)
        yield Position(next(positions)), streams[place], Version(versions[place]), written.topic, state, opening


class _WrittenMessage:
    """How the mapper writes a message, taken from one."""

    def __init__(self) -> None:
        author = UserId(10**15)
        room = Room.open(name="Any", user_id=author)
        room.post(user_id=author, content="x")
        *_, event = room.collect_events()
        seal([event])
        stored = create_mapper().to_stored_event(event)
        self.topic = stored.topic
        head, rest = stored.state.decode().split(event.timestamp.isoformat())
        before, rest = rest.split(f"{author}")
        between, tail = rest.split(vars(event)["sealed"])
        self._parts = head, before, between, tail

    def state(self, at: datetime, author: UserId, sealed: str) -> bytes:
        head, before, between, tail = self._parts
        return f"{head}{at.isoformat()}{before}{author}{between}{sealed}{tail}".encode()
