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


STREAM = "00112233-4455-6677-8899-aabbccddeeff"
APPEND = "INSERT INTO stored_events (originator_id, originator_version, topic, state) SELECT $1, v, 't', '' FROM unnest"


@pytest.mark.parametrize("versions", [[2], [0], [1, 3], [1, 2, 4], [-1, 0, 1]])
@pytest.mark.parametrize("role", ["origin", "replica"])
async def test_a_stream_has_no_gaps_with_any_role(database_url: str, versions: list[int], role: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(f"SET session_replication_role = {role}")
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="no gaps"):
        await connection.execute(f"{APPEND}($2::bigint[]) AS v", STREAM, versions)
    assert await connection.fetchval("SELECT count(*) FROM stored_events") == 0
    await connection.execute(f"{APPEND}($2::bigint[]) AS v", STREAM, [1, 2])
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="no gaps"):
        await connection.execute(f"{APPEND}($2::bigint[]) AS v", STREAM, [4])
    await connection.execute(f"{APPEND}($2::bigint[]) AS v", STREAM, [3, 4])
    assert await connection.fetchval("SELECT max(originator_version) FROM stored_events") == 4
    await connection.close()
