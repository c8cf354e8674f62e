"""How often a log is signed: at most once a second, by however many processes; without news, only to renew the time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import asyncpg
import pytest

from audit.append_only_file import AppendOnlyFile
from audit.signing import keeping, signer
from audit.signing.anchor import AnchorFile
from audit.signing.keeping import TreeKeeping
from audit.signing.signer import Signer
from audit.witnesses.cosigning import Witnesses
from postgres.database import Database
from tests.integration.audit.test_served_tree import signed_at
from tests.integration.audit.test_tree_growth import ADD, connection
from tests.support.conditions import eventually
from tests.support.people import Person
from tests.support.signing import CHANGES, ring
from tests.support.vectors import LOG_SEED

__all__ = ["connection"]

SIGNED = "SELECT size, signed_at FROM audit_checkpoints WHERE epoch = 1 ORDER BY size"
INTERVAL_S = 0.25


@pytest.fixture
async def processes(database_url: str, tmp_path: Path) -> AsyncIterator[list[TreeKeeping]]:
    """Two that sign the same log."""
    database = await Database.connect(database_url, size=4)
    made = []
    for _ in range(2):
        anchor = AnchorFile(AppendOnlyFile(tmp_path / "anchor.jsonl"))
        signs = Signer(anchor, ring(LOG_SEED), CHANGES, Witnesses(()), now=lambda: datetime.now(UTC))
        made.append(TreeKeeping(database, signs, ""))
    yield made
    await database.close()


async def test_two_processes_sign_no_more_often_than_one(
    processes: list[TreeKeeping], connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (keeping.EVERY_S, signer.FRESH_S) == (1.0, 600.0), "once a second, and every ten minutes"
    monkeypatch.setattr(keeping, "EVERY_S", INTERVAL_S)
    running = [asyncio.create_task(process.run()) for process in processes]
    added = 0

    async def has_signed_often() -> bool:
        nonlocal added
        added += 1
        await connection.execute(ADD, f"rows {added}:", 2)
        return len(await connection.fetch(SIGNED)) >= 10

    await eventually(has_signed_often)
    for task in running:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    times = sorted(row["signed_at"] for row in await connection.fetch(SIGNED))
    assert min((later - earlier).total_seconds() for earlier, later in pairwise(times)) >= INTERVAL_S


async def test_a_running_service_gives_a_checkpoint_a_fresh_time_without_news(
    ada: Person, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await ada.open_room("General")
    await ada.post(f"/api/rooms/{room}/messages/", {"content": "Nothing is lost."})
    await signed_at(3, ada)
    psql = await asyncpg.connect(database_url)
    (before,) = [row for row in await psql.fetch(SIGNED) if row["size"] == 3]
    monkeypatch.setattr(signer, "FRESH_S", 1.5)  # read at each look

    async def is_fresher() -> bool:
        (now,) = [row for row in await psql.fetch(SIGNED) if row["size"] == 3]
        return bool((now["signed_at"] - before["signed_at"]).total_seconds() >= 1.5)

    await eventually(is_fresher)
    assert max(row["size"] for row in await psql.fetch(SIGNED)) == 3, "the tree is the same"
    await psql.close()
