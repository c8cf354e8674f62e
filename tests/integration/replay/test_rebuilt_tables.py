"""A rebuilt table is the table: nothing that was done to it is lost, and nothing that is not ours is touched."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from api.wiring import create_fold
from domain.chat import PostMessage, RenameRoom
from eventstore.errors import NewerFold
from projections.readmodels.projection import RoomsProjection
from replay.progress import unwatched
from replay.rebuild.rebuild import RebuildRefused, rebuild
from replay.rebuild.verify import verify
from tests.integration.conftest import StartServer, Visit
from tests.support.conditions import eventually
from tests.support.given_when_then import ADA
from tests.support.store import open_store

EXPLAINED = {
    "trigger": "CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;"
    " CREATE TRIGGER watched AFTER INSERT ON messages FOR EACH ROW EXECUTE FUNCTION watch();"
    " ALTER TABLE messages ENABLE ALWAYS TRIGGER watched",
    "publication": "CREATE PUBLICATION shared FOR TABLE messages (room_id, version), rooms WHERE (message_count > 0)",
    "statistics target": "ALTER TABLE messages ALTER COLUMN user_id SET STATISTICS 500",
    "column option": "ALTER TABLE messages ALTER COLUMN user_id SET (n_distinct = 7)",
    "comment": "COMMENT ON TABLE messages IS 'what was said'; COMMENT ON COLUMN messages.content IS 'the words'",
    "replica identity": "ALTER TABLE messages REPLICA IDENTITY FULL",
    "grant": "GRANT SELECT ON messages TO PUBLIC; GRANT SELECT (name) ON rooms TO PUBLIC",
    "index of one's own": "CREATE INDEX by_user ON messages (user_id)",
    "comment on an index": "COMMENT ON INDEX messages_pkey IS 'the key';"
    " COMMENT ON CONSTRAINT messages_pkey ON messages IS 'of all'",
    "statistics target of an index": "CREATE INDEX by_hour ON messages (date_bin('1h', posted_at, 'epoch'));"
    " ALTER INDEX by_hour ALTER COLUMN 1 SET STATISTICS 300; COMMENT ON INDEX by_hour IS 'for reports'",
    "clustering": "ALTER TABLE messages CLUSTER ON messages_pkey",
    "row-level security": "CREATE POLICY own ON messages AS RESTRICTIVE FOR UPDATE TO PUBLIC, CURRENT_USER"
    " USING (user_id > 0) WITH CHECK (user_id > 1); CREATE POLICY see ON messages FOR SELECT USING (true);"
    " COMMENT ON POLICY own ON messages IS 'why'; ALTER TABLE messages ENABLE ROW LEVEL SECURITY;"
    " ALTER TABLE messages FORCE ROW LEVEL SECURITY",
    "extended statistics": "CREATE STATISTICS together ON room_id, user_id FROM messages",
}

DESCRIPTION = """
SELECT 'trigger', concat_ws(' ', pg_get_triggerdef(oid), tgenabled) FROM pg_trigger WHERE tgname = 'watched'
UNION ALL SELECT 'publication', concat_ws(' ', pubname, tablename, attnames, rowfilter) FROM pg_publication_tables
UNION ALL SELECT 'column', concat_ws(
    ' ', attrelid::regclass, attname, attstattarget, attoptions, attacl, col_description(attrelid, attnum))
    FROM pg_attribute WHERE attrelid IN ('messages'::regclass, 'rooms'::regclass) AND attnum > 0
UNION ALL SELECT 'table', concat_ws(' ', relname, relreplident, relacl, obj_description(oid, 'pg_class'))
    FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relname IN ('messages', 'rooms', 'memberships', 'former_names')
UNION ALL SELECT 'index', concat_ws(' ', pg_get_indexdef(indexrelid), indisclustered,
    obj_description(indexrelid, 'pg_class'),
    (SELECT array_agg(attstattarget ORDER BY attnum) FROM pg_attribute WHERE attrelid = indexrelid))
    FROM pg_index WHERE indrelid = 'messages'::regclass
UNION ALL SELECT 'constraint', concat_ws(' ', conname, pg_get_constraintdef(oid), obj_description(oid, 'pg_constraint'))
    FROM pg_constraint WHERE conrelid = 'messages'::regclass
UNION ALL SELECT 'policy', concat_ws(' ', policyname, permissive, roles, cmd, qual, with_check) FROM pg_policies
UNION ALL SELECT 'policy comment', obj_description(oid, 'pg_policy') FROM pg_policy
UNION ALL SELECT 'security', concat_ws(' ', relrowsecurity, relforcerowsecurity)
    FROM pg_class WHERE oid = 'messages'::regclass
UNION ALL SELECT 'statistics', stxkeys::text FROM pg_statistic_ext
ORDER BY 1, 2
"""


@pytest.fixture
async def admin(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    async with open_store(database_url) as store:
        room_id = await store.open_room()
        await store.chat.post_message(PostMessage(room_id, ADA, "hello"))
        await store.chat.rename_room(RenameRoom(room_id, ADA, "Renamed"))
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.mark.parametrize("what", EXPLAINED)
async def test_a_rebuild_keeps_what_was_done_to_a_table(
    database_url: str, admin: asyncpg.Connection, what: str
) -> None:
    untouched = await admin.fetch(DESCRIPTION)
    await admin.execute(EXPLAINED[what])
    before = await admin.fetch(DESCRIPTION)
    assert before != untouched
    await rebuild(create_fold(), database_url, unwatched)
    assert await admin.fetch(DESCRIPTION) == before


@pytest.mark.parametrize(
    ("made", "named"),
    [
        (
            "ALTER TABLE messages ADD CONSTRAINT of_a_room FOREIGN KEY (room_id) REFERENCES rooms",
            "foreign key of_a_room",
        ),
        ("CREATE TABLE notes (room_id uuid CONSTRAINT noted REFERENCES rooms)", "foreign key noted of notes"),
        ("CREATE VIEW recent AS SELECT * FROM messages", "view recent"),
        ("CREATE RULE quiet AS ON DELETE TO messages DO INSTEAD NOTHING", "rule quiet"),
        ("CREATE TABLE archived () INHERITS (messages)", "table archived"),
    ],
)
async def test_a_rebuild_refuses_first_what_it_cannot_carry_over(
    database_url: str, admin: asyncpg.Connection, made: str, named: str
) -> None:
    await admin.execute(made)
    with pytest.raises(RebuildRefused, match=f"cannot take over .*{named}"):
        await rebuild(create_fold(), database_url, unwatched)
    assert await admin.fetchval("SELECT to_regnamespace('onrecord_rebuild') IS NULL")


@pytest.mark.parametrize(
    "loss",
    [
        "DROP INDEX memberships_user_idx, rooms_name_key_idx",
        "ALTER TABLE messages DROP CONSTRAINT messages_pkey",
        "DROP TABLE memberships",
        "DROP TABLE rooms, memberships, messages, former_names",
        "TRUNCATE messages",
        "TRUNCATE memberships",
        "TRUNCATE rooms",
    ],
)
async def test_a_rebuild_brings_back_what_was_lost(database_url: str, admin: asyncpg.Connection, loss: str) -> None:
    before = await admin.fetch("SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2")
    await admin.execute(loss)
    await rebuild(create_fold(), database_url, unwatched)
    after = await admin.fetch("SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2")
    assert after == before
    assert (await verify(create_fold(), database_url, unwatched)).differences == []


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        ("DROP TABLE former_names", "the table former_names is missing: run `onrecord projections rebuild`"),
        ("TRUNCATE messages", "the table messages is empty: run `onrecord projections rebuild`"),
        ("TRUNCATE memberships", "the table memberships is empty: run `onrecord projections rebuild`"),
        ("TRUNCATE former_names", "the table former_names is empty: run `onrecord projections rebuild`"),
        ("TRUNCATE rooms", "the table rooms is empty: run `onrecord projections rebuild`"),
    ],
)
async def test_readiness_names_a_table_that_was_lost(
    database_url: str, admin: asyncpg.Connection, visit: Visit, loss: str, said: str
) -> None:
    person = await visit()

    async def is_ready() -> bool:
        return (await person.get("/readyz")).status == 200

    await eventually(is_ready)
    await admin.execute(loss)
    answer = await person.get("/readyz")
    assert (answer.status, answer.body["status"]) == (503, said)
    await rebuild(create_fold(), database_url, unwatched)
    await eventually(is_ready)


@pytest.mark.parametrize("name", ["rebuild", "onrecord_rebuild"])
async def test_a_schema_of_another_owner_is_left_alone(database_url: str, admin: asyncpg.Connection, name: str) -> None:
    await admin.execute(f"CREATE SCHEMA {name}; CREATE TABLE {name}.precious (number) AS SELECT 1")
    if name == "rebuild":
        await rebuild(create_fold(), database_url, unwatched)
    else:
        with pytest.raises(RebuildRefused, match="is not of a rebuild"):
            await rebuild(create_fold(), database_url, unwatched)
    assert await admin.fetchval(f"SELECT number FROM {name}.precious") == 1


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO schema_migrations VALUES (9999, 'later', '')",
        "CREATE INDEX by_user ON messages (user_id)",
        "GRANT SELECT ON messages TO PUBLIC",
    ],
)
async def test_a_change_of_the_tables_during_a_rebuild_is_not_undone(
    database_url: str, admin: asyncpg.Connection, change: str
) -> None:
    staying = admin.transaction()
    await staying.start()
    await admin.fetch("SELECT * FROM rooms")
    other = await asyncpg.connect(database_url)

    async def waits() -> bool:
        return bool(await other.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = $1", rooms))

    rooms = await other.fetchval("SELECT 'rooms'::regclass::oid")
    rebuilding = asyncio.create_task(rebuild(create_fold(), database_url, unwatched))
    await eventually(waits)
    await other.execute(change)
    before = await other.fetch(DESCRIPTION)
    await staying.rollback()
    with pytest.raises(RebuildRefused, match="changed meanwhile"):
        await rebuilding
    assert await other.fetch(DESCRIPTION) == before
    await rebuild(create_fold(), database_url, unwatched)
    assert await other.fetch(DESCRIPTION) == before
    await other.close()


async def test_an_older_program_stops_loudly_when_a_newer_fold_is_in_force(
    database_url: str,
    admin: asyncpg.Connection,
    start_server: StartServer,
    visit: Visit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = RoomsProjection.version
    newer = own + 1
    ada = await visit("ada")
    room = (await ada.post("/api/rooms/", {"name": "Engines"})).body["id"]
    async with open_store(database_url) as older:
        with monkeypatch.context() as program:
            program.setattr(RoomsProjection, "version", newer)
            await rebuild(create_fold(), database_url, unwatched)
        before = await admin.fetchval("SELECT count(*) FROM stored_events")
        with pytest.raises(NewerFold, match=f"version {newer} of the fold is in force, this program has version {own}"):
            await older.open_room("Another")
        assert older.writer.stopped_by is not None
        refused = await ada.post(f"/api/rooms/{room}/messages/", {"content": "hello"})
        assert (refused.status, refused.body["code"]) == (503, "outdated")
        ready = await ada.get("/readyz")
        assert (ready.status, ready.body["status"]) == (
            503,
            f"version {newer} of the fold is in force, this program has {own}: replace it",
        )
        assert (await ada.get(f"/api/rooms/{room}/")).status == 200
        with pytest.raises(RebuildRefused, match="a newer program"):
            await rebuild(create_fold(), database_url, unwatched)
        assert await admin.fetchval("SELECT count(*) FROM stored_events") == before
