"""The rows that a signer reads are hashed as everywhere else, whatever is in them and however they arrive."""

import asyncpg
import pytest

from audit.signing import rows_seen
from audit.signing.rows_seen import COPY_ROWS, CopiedRows, RowsSeen
from audit.tree.merkle import Frontier
from eventstore.generation import event_hash
from eventstore.log import LAST_POSITION
from eventstore.values import LOG_START, Position
from tests.integration.audit.test_tree_growth import ADD, ROWS, connection, frontier_of_rows

__all__ = ["connection"]

ADD_LARGE = """
INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES
(md5('longest topic')::uuid, 1, repeat('a', 65000), '\\x00'),
(md5('longer topic')::uuid, 1, repeat('ä', 40000), ''),
(md5('large state')::uuid, 1, '', convert_to(repeat('what was said ', 100000), 'utf8')),
(md5('nothing')::uuid, 1, NULL, NULL)
"""


@pytest.fixture
async def newest(connection: asyncpg.Connection) -> Position:
    """The last position of a log with rows of every kind."""
    await connection.execute(ADD, "rows", 300)
    await connection.execute(ADD_LARGE)
    await connection.execute(ADD, "more", 3)
    return Position(await connection.fetchval(f"SELECT ({LAST_POSITION})"))


async def test_rows_are_hashed_as_the_log_hashes_them(
    connection: asyncpg.Connection, newest: Position, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = await frontier_of_rows(connection)
    seen = RowsSeen(1, Frontier(), LOG_START)
    for to in (Position(newest - 100), Position(newest - 100), newest):
        await seen.advance(to, connection)
    assert (seen.frontier.size, seen.frontier.root()) == (expected.size, expected.root()) == (307, seen.frontier.root())
    monkeypatch.setattr(rows_seen, "SLICE", 100)
    monkeypatch.setattr(rows_seen, "COPY_ROWS", COPY_ROWS.replace("20000", "100"))
    in_slices = RowsSeen(1, Frontier(), LOG_START)
    await in_slices.advance(newest, connection)
    assert in_slices.frontier.root() == expected.root()


@pytest.mark.parametrize("piece", [1, 7, 50, 1000, 10_000_000])
async def test_pieces_may_end_anywhere(connection: asyncpg.Connection, newest: Position, piece: int) -> None:
    copied = bytearray()

    async def keep(data: bytes) -> None:
        copied.extend(data)

    await connection.copy_from_query(COPY_ROWS.format(after=200, to=300), output=keep, format="binary")
    rows = CopiedRows()
    for at in range(0, len(copied), piece):
        await rows.add(bytes(copied[at : at + piece]))
    hashes = [
        event_hash(position, stream, version, topic or "", state or b"")
        for position, stream, version, topic, state in await connection.fetch(ROWS)
    ]
    assert rows.finish() == 100
    assert rows.leaves == b"".join(hashes[200:300])
    assert rows.position == 300


async def test_a_copy_that_is_cut_is_not_taken_for_all(connection: asyncpg.Connection, newest: Position) -> None:
    rows = CopiedRows()

    async def cut(data: bytes) -> None:
        await rows.add(data[:-1])

    await connection.copy_from_query(COPY_ROWS.format(after=299, to=300), output=cut, format="binary")
    with pytest.raises(ValueError, match="ended before their end"):
        rows.finish()
