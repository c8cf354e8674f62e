"""The database itself refuses to change what is recorded."""

import asyncpg
import pytest

from tests.support.store import open_store

CHANGES = [
    "UPDATE stored_events SET state = 'forged'",
    "UPDATE stored_events SET state = 'forged' WHERE false",
    "DELETE FROM stored_events",
    "TRUNCATE stored_events",
    "TRUNCATE stored_events, rooms",
    "INSERT INTO stored_events (originator_id, originator_version, topic, state)"
    " SELECT originator_id, originator_version, topic, 'forged' FROM stored_events"
    " ON CONFLICT (originator_id, originator_version) DO UPDATE SET state = excluded.state",
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("role", ["origin", "replica"])
async def test_no_statement_changes_the_log(database_url: str, change: str, role: str) -> None:
    async with open_store(database_url) as store:
        await store.open_room()
        before = await store.database.fetch("SELECT * FROM stored_events ORDER BY notification_id")
        async with store.database.connection() as connection:
            await connection.execute(f"SET session_replication_role = {role}")
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
                await connection.execute(change)
            await connection.execute("RESET session_replication_role")
        assert await store.database.fetch("SELECT * FROM stored_events ORDER BY notification_id") == before
