"""Logs at random: whatever rows come, in whatever slices, the tiles hold the tree that RFC 6962 defines over them."""

import asyncio
import hashlib
import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from audit.append_only_file import AppendOnlyFile
from audit.signing.anchor import AnchorFile
from audit.signing.checkpoint import Checkpoint
from audit.signing.notes import parse_note
from audit.signing.signer import Signer
from audit.tree import store
from audit.witnesses.cosigning import Witnesses
from postgres.embedded import EmbeddedPostgres
from tests.conftest import database_like, scratch_folder
from tests.integration.audit.test_tree_growth import ORIGIN, grown
from tests.support import rfc6962
from tests.support.signing import CHANGES, ring

ROWS = "SELECT notification_id, originator_id, originator_version, topic, state FROM stored_events ORDER BY 1"
GAP = "SELECT nextval('stored_events_notification_id_seq') FROM generate_series(1, $1)"
ADD = "INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES ($1, $2, $3, $4)"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Add:
    """Rows are appended, after a gap in the positions."""

    gap: int
    count: int
    topic: str | None
    state: bytes | None


@dataclass(frozen=True)
class Grow:
    """They are taken into the tiles."""


@dataclass(frozen=True)
class Sign:
    """A checkpoint is signed, by a process that just started, or by the one before."""

    is_restarted: bool


TOPICS = st.one_of(st.none(), st.sampled_from(["", "message_added", "\u00fc" * 40, "t" * 65_000, "t" * 65_001]))
STATES = st.one_of(st.none(), st.binary(max_size=40))
STEPS = st.lists(
    st.one_of(
        st.builds(Add, st.integers(0, 3), st.sampled_from([1, 2, 3, 100, 255, 256, 257]), TOPICS, STATES),
        st.builds(Grow),
        st.builds(Sign, st.booleans()),
    ),
    min_size=1,
    max_size=12,
)


@dataclass
class Life:
    """A log, and the tree over it."""

    connection: asyncpg.Connection
    anchor: Path
    rows: int = 0
    signed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.signer = Signer(
            AnchorFile(AppendOnlyFile(self.anchor)),
            ring(bytes(32)),
            CHANGES,
            Witnesses(()),
            now=lambda: NOON,
        )

    async def take(self, step: Add | Grow | Sign) -> None:
        match step:
            case Add():
                await self.connection.execute(GAP, step.gap)
                added = range(self.rows, self.rows + step.count)
                rows = [(UUID(int=number % 5 + 1), number // 5 + 1, step.topic, step.state) for number in added]
                await self.connection.executemany(ADD, rows)
                self.rows += step.count
            case Grow():
                await grown(self.connection)
            case Sign():
                if step.is_restarted:
                    self.restart()
                if signed := await self.signer.sign(await grown(self.connection), self.connection):
                    self.signed.append(signed.note)


def leaf(position: int, stream: UUID, version: int, topic: str | None, state: bytes | None) -> bytes:
    """The leaf of a row, from the words of docs/audit.md."""
    name = (topic or "").encode()
    if len(name) > 65_000:
        name = hashlib.sha256(name).digest()
    entry = struct.pack(">BQ16sQH", 1, position, stream.bytes, version, len(name)) + name
    return hashlib.sha256(b"\x00" + entry + hashlib.sha256(state or b"").digest()).digest()


async def live(steps: list[Add | Grow | Sign], picks: list[float], postgres: EmbeddedPostgres, template: str) -> None:
    async with database_like(template, "random_log", postgres) as url:
        connection = await asyncpg.connect(url)
        try:
            with scratch_folder() as folder:
                await store.begin_epoch(1, ORIGIN, connection)
                life = Life(connection, folder / "anchor.jsonl")
                for step in (*steps, Sign(True)):
                    await life.take(step)
                await compare(life, picks)
        finally:
            await connection.close()


async def compare(life: Life, picks: list[float]) -> None:
    """All that was signed is of one tree, the defined one, and paths at some places are the defined ones."""
    leaves = [leaf(*row) for row in await life.connection.fetch(ROWS)]
    for note in life.signed:
        checkpoint = Checkpoint.parse(parse_note(note).text)
        assert checkpoint.root == rfc6962.mth(leaves[: checkpoint.size])
    assert [each.note for each in AnchorFile(AppendOnlyFile(life.anchor)).read()] == life.signed
    if not leaves:
        return
    assert Checkpoint.parse(parse_note(life.signed[-1]).text).size == len(leaves) == life.rows
    for pick in picks:
        size = 1 + int(pick * (len(leaves) - 1))
        index = int(pick * 7919) % size
        assert await store.inclusion_path(1, index, size, life.connection) == rfc6962.path(index, leaves[:size])
        assert await store.consistency_path(1, size, len(leaves), life.connection) == rfc6962.proof(size, leaves)


@pytest.mark.timeout(600)
def test_a_log_at_random_has_the_defined_tree(postgres: EmbeddedPostgres, template_database: str) -> None:
    @settings(
        max_examples=10,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(STEPS, st.lists(st.floats(0, 1), min_size=3, max_size=3))
    def lives(steps: list[Add | Grow | Sign], picks: list[float]) -> None:
        asyncio.run(live(steps, picks, postgres, template_database))

    lives()
