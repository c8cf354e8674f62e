"""The service runs under a role that cannot take the guards off the log."""

from urllib.parse import quote

import asyncpg
import pytest

from api import wiring
from api.http.app_keys import ACCOUNTS
from api.schema import bring_up_to_date
from eventstore.service_role import grant_service_role
from postgres.locks import REBUILD
from replay.rebuild.rebuild import RebuildRefused, rebuild
from tests.integration.conftest import StartServer, Visit
from tests.support.operator import OPERATOR

FORBIDDEN = [
    "DROP TRIGGER log_is_append_only ON stored_events",
    "ALTER TABLE stored_events DISABLE TRIGGER ALL",
    "DROP TABLE stored_events",
    "TRUNCATE stored_events",
    "DELETE FROM stored_events",
    "UPDATE stored_events SET state = 'forged'",
    "SET session_replication_role = replica",
    "CREATE OR REPLACE FUNCTION refuse_to_change_the_log() RETURNS trigger LANGUAGE sql AS ''",
    "DELETE FROM schema_migrations",
    "CREATE TABLE public.mine ()",
]


@pytest.fixture
async def service_url(database_url: str) -> str:
    """The test's database, for a restricted role."""
    role = f"service_{database_url.partition('@/')[2].partition('?')[0]}"
    owner = await asyncpg.connect(database_url)
    for _ in range(2):
        await grant_service_role(owner, role, "it's a password")
    await owner.close()
    before, _, after = database_url.partition("://")
    return f"{before}://{role}:{quote(chr(39))}@{after.partition('@')[2]}"


async def test_the_role_runs_the_service_and_cannot_take_the_guards_off_the_log(
    service_url: str, start_server: StartServer, visit: Visit
) -> None:
    ada = await visit("ada", at=await start_server(database_url=service_url))
    room = await ada.open_room("Engines")
    assert (await ada.post(f"/api/rooms/{room}/messages/", {"content": "on record"})).status == 201
    assert (await ada.get(f"/rooms/{room}/")).status == 200
    assert (await ada.post("/api/logout/")).status == 200
    connection = await asyncpg.connect(service_url)
    assert await bring_up_to_date(connection) == []
    for statement in FORBIDDEN:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    assert await connection.fetchval("SELECT count(*) FROM stored_events") == 3
    with pytest.raises(RebuildRefused, match="owner of the schema"):
        await rebuild(wiring.create_fold(), service_url, lambda _: None)
    await connection.close()


async def test_an_admin_is_told_why_the_owners_rebuild_is_not_cancelled(
    service_url: str, database_url: str, start_server: StartServer, visit: Visit
) -> None:
    server = await start_server(database_url=service_url)
    ada = await visit("ada", at=server)
    await server.app[ACCOUNTS].set_role("ada", "admin", operator=OPERATOR)
    owner = await asyncpg.connect(database_url)
    assert await REBUILD.try_take(owner)
    refused = await ada.submit("/operations/cancel-rebuild/", {"why": "in the way"})
    assert refused.status == 409
    assert "another role of the database runs this rebuild" in refused.raw.decode()
    assert await REBUILD.is_taken(owner)
    assert await owner.fetchval("SELECT count(*) FROM operator_actions WHERE who <> 'a test'") == 0
    await owner.close()


async def test_the_role_moves_new_accounts_beyond_the_ids_of_the_log(
    service_url: str, database_url: str, start_server: StartServer, visit: Visit
) -> None:
    """As after a log was brought here without the accounts that it names."""
    owner = await asyncpg.connect(database_url)
    next_id = "SELECT setval(pg_get_serial_sequence('users', 'user_id'), $1, false)"
    await owner.execute(next_id, 4711)
    server = await start_server(database_url=service_url)
    ada = await visit("ada", at=server)
    await ada.open_room("Engines")
    await owner.execute(next_id, 1)
    await owner.close()
    assert (await visit("bob", at=server)).user["id"] > ada.user["id"] == 4711
