"""Two servers on one database sign by turns, and never two histories; their clocks jump."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from audit.append_only_file import AppendOnlyFile
from audit.signing.anchor import AnchorFile
from audit.signing.checkpoint import Checkpoint
from audit.signing.keeping import TreeKeeping
from audit.signing.keys import SignerKeys
from audit.signing.notes import parse_note
from audit.signing.signer import Signer
from audit.tree import store
from audit.tree.merkle import Frontier
from audit.witnesses.cosigning import Witnesses
from eventstore.generation import event_hash
from postgres.database import Database
from tests.integration.audit.test_tree_growth import ADD, ORIGIN, ROWS, connection
from tests.support.signing import CHANGES, ring

__all__ = ["connection"]

SEED = bytes(range(32))
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Server:
    """A process that keeps the tree, with a clock and a pool of its own."""

    def __init__(self, database: Database, anchor: Path) -> None:
        self.now = NOON
        self.anchor = AnchorFile(AppendOnlyFile(anchor))
        signer = Signer(self.anchor, ring(SEED), CHANGES, Witnesses(()), now=lambda: self.now)
        self.keeping = TreeKeeping(database, signer, "")


@pytest.fixture(params=["one anchor", "two anchors"])
async def servers(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> AsyncIterator[list[Server]]:
    """Two servers, with one folder between them, or each on a machine of its own."""
    async with AsyncExitStack() as running:
        made = []
        for number in (1, 2):
            database = await Database.connect(database_url, size=2)
            running.push_async_callback(database.close)
            name = "anchor.jsonl" if request.param == "one anchor" else f"anchor-{number}.jsonl"
            made.append(Server(database, tmp_path / name))
        yield made


async def sizes_of_one_history(servers: list[Server], connection: asyncpg.Connection) -> list[int]:
    """The sizes of all that was signed, in order; every root is that of the rows."""
    roots, frontier = {}, Frontier()
    for position, stream, version, topic, state in await connection.fetch(ROWS):
        frontier.add(event_hash(position, stream, version, topic or "", state or b""))
        roots[frontier.size] = frontier.root()
    published = await store.read_checkpoint(1, connection)
    assert published is not None
    notes = {published.note, *(line.note for server in servers for line in server.anchor.read())}
    checkpoints = [Checkpoint.parse(parse_note(note).text) for note in notes]
    assert {each.origin for each in checkpoints} == {ORIGIN}
    assert [each for each in checkpoints if each.root != roots[each.size]] == []
    epoch = await store.read_epoch(connection)
    assert epoch is not None
    assert epoch.stopped_why is None
    return sorted(each.size for each in checkpoints)


async def test_servers_that_sign_by_turns_never_fork(servers: list[Server], connection: asyncpg.Connection) -> None:
    sizes: list[int] = []
    for turn, rows in enumerate((3, 1, 252, 1, 300, 2, 700)):
        await connection.execute(ADD, f"turn {turn}:", rows)
        sizes.append(rows + (sizes[-1] if sizes else 0))
        await servers[turn % 2].keeping.keep()
        await servers[(turn + 1) % 2].keeping.keep()
    assert await sizes_of_one_history(servers, connection) == sizes, "each tree once, by either"


async def test_servers_that_sign_at_the_same_time_never_fork(
    servers: list[Server], connection: asyncpg.Connection
) -> None:
    total = 0
    for turn in range(12):
        await connection.execute(ADD, f"turn {turn}:", 40)
        total += 40
        await asyncio.gather(*(server.keeping.keep() for server in servers), servers[turn % 2].keeping.keep())
    await servers[0].keeping.keep()
    assert (await sizes_of_one_history(servers, connection))[-1] == total


async def test_clocks_that_jump_and_differ_neither_stop_the_signing_nor_repeat_it(
    servers: list[Server], connection: asyncpg.Connection
) -> None:
    one, two = servers
    jumps = [timedelta(), timedelta(days=400), timedelta(days=-400), timedelta(hours=1), timedelta(seconds=-1)]
    for turn, jump in enumerate(jumps):
        one.now, two.now = NOON + jump, NOON - jump
        await connection.execute(ADD, f"turn {turn}:", 10)
        for server in (one, two):
            await server.keeping.keep()
        published = await store.read_checkpoint(1, connection)
        assert published is not None
        assert published.size == 10 * (turn + 1)
    for server in (one, one, one):
        await server.keeping.keep()
    published = await store.read_checkpoint(1, connection)
    assert published is not None
    assert parse_note(published.note).signed_at(SignerKeys(ORIGIN, SEED).time) == int(one.now.timestamp())
    signed = await sizes_of_one_history(servers, connection)
    for server in (one, one, one):
        await server.keeping.keep()
    assert await sizes_of_one_history(servers, connection) == signed, "none without news while the clock stands"
