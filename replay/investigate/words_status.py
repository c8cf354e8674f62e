"""Which words can be erased: counted in the read models, which say of each text whether the log itself holds it."""

import asyncpg
from msgspec import Struct

from domain.custody import CUSTODY_ID
from domain.values import RoomId
from eventstore.log import TABLE
from eventstore.words import TABLE as APART
from postgres.database import Database
from projections.readmodels.inline import LOG_TOPICS
from projections.readmodels.tables import WORDED
from projections.readmodels.words import NAME, NAMED

COUNTS = f"""
SELECT
    count(*) FILTER (WHERE apart.stream IS NOT NULL) AS sealed,
    count(*) FILTER (WHERE apart.stream IS NULL AND worded.content IS NULL) AS erased,
    count(worded.content) AS plain
FROM ({WORDED}) AS worded LEFT JOIN {APART} AS apart ON apart.stream = worded.room_id AND apart.version = worded.version
"""
PLAIN_BY_ROOM = f"""
SELECT room_id, {NAME} AS name, plain.events
FROM (
    SELECT room_id, count(*) AS events FROM ({WORDED}) AS worded WHERE content IS NOT NULL GROUP BY room_id
) AS plain JOIN rooms USING (room_id) {NAMED}
ORDER BY plain.events DESC, room_id
"""
OF_OTHERS = f"SELECT count(*) FROM {TABLE} WHERE topic <> ALL($1::text[])"


# Their words stand apart from the log, and no command erases them.
OF_CUSTODY = f"SELECT count(*) FROM {APART} WHERE stream = $1"
OF_OPERATORS = "SELECT count(*) FROM operator_actions WHERE why <> ''"


class PlainRoom(Struct, frozen=True):
    """A room with words in the log itself, in so many events."""

    room_id: RoomId
    name: str
    events: int


class WordsStatus(Struct, frozen=True):
    """Events with words. `sealed` ones can be erased, `plain` ones cannot. What other applications record under topics
    of their own is not looked into: `of_others`. No command erases the reasons and names of cases in the record of
    `custody`, nor the reasons that `operators` gave for what they did.
    """

    sealed: int
    erased: int
    plain: int
    plain_rooms: list[PlainRoom]
    of_others: int
    custody: int
    operators: int


async def read_words_status(database: Database) -> WordsStatus:
    """Count everything in one snapshot. Reads no words but names of rooms."""

    async def read(connection: asyncpg.Connection) -> WordsStatus:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            counts = await connection.fetchrow(COUNTS)
            rooms = [PlainRoom(*row) for row in await connection.fetch(PLAIN_BY_ROOM)]
            of_others = await connection.fetchval(OF_OTHERS, list(LOG_TOPICS))
            custody = await connection.fetchval(OF_CUSTODY, CUSTODY_ID)
            operators = await connection.fetchval(OF_OPERATORS)
        return WordsStatus(counts["sealed"], counts["erased"], counts["plain"], rooms, of_others, custody, operators)

    return await database.read(read)
