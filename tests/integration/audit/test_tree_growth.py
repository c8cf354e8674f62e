"""The tiles hold the tree over every row of the log, however it got there."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from audit.signing.keeping import TreeKeeping
from audit.tree import growth, merkle, store, tiles
from audit.tree.merkle import Frontier
from audit.tree.store import Epoch
from audit.tree.tiles import TileId
from domain.room.messages import PostMessage
from eventstore.generation import event_hash
from tests.support.given_when_then import ADA
from tests.support.store import open_store

ORIGIN = "chat.example/audit/1"
ROWS = "SELECT notification_id, originator_id, originator_version, topic, state FROM stored_events ORDER BY 1"
ADD = """
INSERT INTO stored_events (originator_id, originator_version, topic, state)
SELECT md5($1 || number)::uuid, 1, topic, state FROM generate_series(1, $2) AS number
CROSS JOIN (VALUES ('of another application', '\\xff00'::bytea), (NULL, NULL)) AS row (topic, state)
WHERE number % 2 = (topic IS NULL)::integer
"""


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(database_url)
    await store.begin_epoch(1, ORIGIN, opened)
    yield opened
    await opened.close()


async def grown(connection: asyncpg.Connection) -> Epoch:
    """The epoch, when the tiles hold the whole log."""
    while True:
        epoch = await store.read_epoch(connection)
        assert epoch is not None
        async with connection.transaction():
            if await growth.grow(epoch, connection) == epoch:
                return epoch


async def frontier_of_rows(connection: asyncpg.Connection) -> Frontier:
    """The tree over the rows, in which no tile and no SQL function has a part."""
    frontier = Frontier()
    for position, stream, version, topic, state in await connection.fetch(ROWS):
        frontier.add(event_hash(position, stream, version, topic or "", state or b""))
    return frontier


async def root_of_tiles(epoch: Epoch, connection: asyncpg.Connection) -> bytes:
    return Frontier(epoch.size, await store.peaks_of(epoch.number, epoch.size, connection)).root()


async def test_every_row_is_a_leaf_also_those_of_others_and_those_that_nobody_can_read(
    connection: asyncpg.Connection, database_url: str
) -> None:
    async with open_store(database_url) as opened:
        room_id = await opened.open_room()
        await connection.execute("SELECT nextval('stored_events_notification_id_seq') FROM generate_series(1, 40)")
        await opened.chat.post_message(PostMessage(room_id, ADA, "after a gap"))
    await connection.execute(ADD, "first", 300)
    epoch = await grown(connection)
    rows = await frontier_of_rows(connection)
    assert (epoch.size, await root_of_tiles(epoch, connection)) == (rows.size, rows.root())
    assert rows.size == 303
    positions = [row[0] for row in await connection.fetch(ROWS)]
    kept = [await store.read_positions(1, number, connection) for number in (0, 1, 2)]
    assert [*kept[0], *kept[1]] == positions
    assert kept[2] == []


async def test_a_tree_that_grows_in_steps_is_the_one_that_grows_at_once(connection: asyncpg.Connection) -> None:
    for step, count in enumerate((1, 2, 254, 256, 255, 512, 700, 3)):
        await connection.execute(ADD, f"step {step}", count)
        epoch = await grown(connection)
        rows = await frontier_of_rows(connection)
        assert (epoch.size, await root_of_tiles(epoch, connection)) == (rows.size, rows.root())
    for level in (0, 1):
        for number in range((epoch.size >> 8 * level) // 256 + 1):
            tile = TileId(level, number)
            read = await store.read_tiles(1, [tile], connection)
            assert len(read[tile]) == 32 * tiles.width_at(tile, epoch.size)


async def test_proofs_of_any_size_come_from_the_tiles(connection: asyncpg.Connection) -> None:
    await connection.execute(ADD, "rows", 1500)
    epoch = await grown(connection)
    leaves = [event_hash(row[0], row[1], row[2], row[3] or "", row[4] or b"") for row in await connection.fetch(ROWS)]

    def root(size: int) -> bytes:
        frontier = Frontier()
        for leaf in leaves[:size]:
            frontier.add(leaf)
        return frontier.root()

    for index, size in ((0, 1), (0, 1500), (255, 256), (256, 257), (700, 1023), (1499, 1500), (1023, 1024)):
        path = await store.inclusion_path(epoch.number, index, size, connection)
        assert merkle.root_from_inclusion(leaves[index], index, size, path) == root(size)
    for old, size in ((1, 1500), (255, 256), (256, 1024), (700, 1500), (1500, 1500)):
        path = await store.consistency_path(epoch.number, old, size, connection)
        merkle.check_consistency(old, root(old), size, root(size), path)
    with pytest.raises(KeyError):
        await store.inclusion_path(epoch.number, 0, 5000, connection)


@pytest.mark.parametrize(
    ("tile", "damage"),
    [
        ("0/1", "DELETE FROM audit_tiles WHERE level = 0 AND number = 1"),
        ("0/1", "UPDATE audit_tiles SET hashes = substr(hashes, 1, 32) WHERE level = 0 AND number = 1"),
        ("1/0", "DELETE FROM audit_tiles WHERE level = 1"),
    ],
)
async def test_nothing_is_added_to_a_tile_that_is_missing_or_cut(
    connection: asyncpg.Connection, database_url: str, tile: str, damage: str
) -> None:
    await connection.execute(ADD, "rows", 300)
    await grown(connection)
    await connection.execute(damage)
    await connection.execute(ADD, "more", 300)
    async with open_store(database_url) as opened:
        for _ in range(2):
            await TreeKeeping(opened.database, None, "").keep()
    epoch = await store.read_epoch(connection)
    assert epoch is not None
    assert (epoch.size, epoch.stopped_why) == (300, f"tile {tile} is missing or cut, in a tree of 300 events")
