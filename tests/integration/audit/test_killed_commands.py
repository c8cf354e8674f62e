"""kill -9 of the commands that only read: what they keep or record is there whole, or not at all."""

import asyncio
import os
import sys

import asyncpg
import pytest

from tests.integration.audit.test_auditing import TOKEN, Audited, audited, policy, settings, witness
from tests.integration.audit.test_killed import WAITS
from tests.integration.audit.test_served_tree import signed_at
from tests.integration.audit.test_tampered_database import SignedDatabase, database, onrecord_environment
from tests.support.conditions import eventually
from tests.support.realtime.server import ROOT

__all__ = ["audited", "database", "policy", "settings", "witness"]

pytestmark = pytest.mark.timeout(900)

ONRECORD = (sys.executable, "-c", "from cli.main import main; main()")
READS_ENTRIES = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'SELECT positions FROM audit_tiles%'
"""
VERIFICATIONS = "SELECT count(*) FROM stored_events WHERE topic = 'record_verified'"


async def killed_while(waiting: str, locked: str, url: str, *arguments: str, **environment: str) -> None:
    """Run a command and kill it when `waiting` finds that it waits for a table that is `locked`."""
    holder, watcher = await asyncpg.connect(url), await asyncpg.connect(url)
    async with holder.transaction():
        await holder.execute(f"LOCK TABLE {locked}")
        process = await asyncio.create_subprocess_exec(
            *ONRECORD, *arguments, cwd=ROOT, env={**os.environ, **environment}
        )

        async def waits() -> bool:
            assert process.returncode is None, "it has ended"
            return bool(await watcher.fetch(waiting))

        await eventually(waits)
        process.kill()
        await process.wait()
        await watcher.execute(f"SELECT pg_terminate_backend(pid, 60000) FROM ({waiting}) AS waits")
    await holder.close()
    await watcher.close()


async def test_a_monitor_that_is_killed_keeps_its_receipt(audited: Audited, database_url: str) -> None:
    room = await audited.person.open_room("General")
    await signed_at(2, audited.person)
    assert "2 in all" in await audited.is_one_history()
    before = audited.receipt.read_bytes()
    await audited.person.post(f"/api/rooms/{room}/messages/", {"content": "More."})
    await signed_at(3, audited.person)
    arguments = ("audit", "monitor", audited.url, "--policy", str(audited.policy), "--receipt", str(audited.receipt))
    await killed_while(READS_ENTRIES, "audit_tiles", database_url, *arguments, AUDIT_TOKEN=TOKEN)
    assert audited.receipt.read_bytes() == before
    assert "1 entries more, 3 in all" in await audited.is_one_history()


async def test_a_verification_that_is_killed_is_on_record_only_when_it_is_repeated(database: SignedDatabase) -> None:
    environment = onrecord_environment(database.url, database.folder)
    await killed_while(WAITS, "stored_events IN EXCLUSIVE MODE", database.url, "audit", "verify", **environment)
    connection = await asyncpg.connect(database.url)
    assert await connection.fetchval(VERIFICATIONS) == 0
    await database.fits()
    assert await connection.fetchval(VERIFICATIONS) == 1
    await connection.close()
