"""A rebuilt table is the table: nothing that was done to it is lost, and nothing that is not ours is touched."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from api.wiring import create_fold
from domain.room.messages import PostMessage
from domain.room.naming import RenameRoom
from eventstore import checkpoints
from eventstore.errors import NewerFold
from postgres.embedded import EmbeddedPostgres
from postgres.server.programs import program
from projections.readmodels.projection import RoomsProjection
from projections.readmodels.tables import TABLES
from replay.progress import unwatched
from replay.rebuild.description import describe
from replay.rebuild.rebuild import RebuildRefused, rebuild
from replay.rebuild.verify import verify
from tests.integration.conftest import StartServer, Visit
from tests.support.conditions import eventually
from tests.support.given_when_then import ADA
from tests.support.store import open_store

CHANGES = {
    "trigger": "CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;"
    " CREATE TRIGGER watched AFTER INSERT ON messages FOR EACH ROW EXECUTE FUNCTION watch();"
    " ALTER TABLE messages ENABLE ALWAYS TRIGGER watched; COMMENT ON TRIGGER watched ON messages IS 'why'",
    "trigger with a condition": "CREATE TRIGGER renamed BEFORE UPDATE OF name, version ON rooms FOR EACH ROW"
    " WHEN (OLD.name IS DISTINCT FROM NEW.name) EXECUTE FUNCTION watch(); ALTER TABLE rooms DISABLE TRIGGER renamed",
    "constraint trigger": "CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON rooms DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE FUNCTION watch(); ALTER TABLE rooms ENABLE REPLICA TRIGGER late",
    "trigger of an extension": "ALTER TRIGGER watched ON messages DEPENDS ON EXTENSION plpgsql",
    "publication": "CREATE PUBLICATION shared FOR TABLE messages (room_id, version), rooms WHERE (message_count > 0)",
    "statistics target": "ALTER TABLE messages ALTER COLUMN user_id SET STATISTICS 500",
    "column option": "ALTER TABLE messages ALTER COLUMN user_id SET (n_distinct = 7, n_distinct_inherited = 8)",
    "column storage": "ALTER TABLE messages ALTER COLUMN content SET STORAGE EXTERNAL",
    "column compression": "ALTER TABLE messages ALTER COLUMN content SET COMPRESSION pglz",
    "column default": "ALTER TABLE memberships ALTER COLUMN members_after_join SET DEFAULT 4",
    "column type": 'ALTER TABLE messages ALTER COLUMN content TYPE varchar(9000) COLLATE "C"',
    "generated column": "ALTER TABLE messages ADD length integer GENERATED ALWAYS AS (length(content)) STORED",
    "dropped column": "ALTER TABLE memberships ADD gone text, ADD kept bigint GENERATED ALWAYS AS (user_id + 1) STORED;"
    " ALTER TABLE memberships DROP gone",
    "comments": "COMMENT ON TABLE messages IS $$100 % of 'what' was said$$; COMMENT ON COLUMN rooms.name IS 'words'",
    "replica identity": "ALTER TABLE messages REPLICA IDENTITY FULL",
    "replica identity by an index": "ALTER TABLE rooms REPLICA IDENTITY USING INDEX rooms_pkey",
    "storage options": "ALTER TABLE messages SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01)",
    "storage options of long values": "ALTER TABLE messages SET (toast.autovacuum_enabled = off)",
    "tablespace": "ALTER TABLE messages SET TABLESPACE of_a_test",
    "tablespace of an index": "ALTER INDEX memberships_user_idx SET TABLESPACE of_a_test",
    "tablespace and options of a key": "ALTER INDEX messages_pkey SET TABLESPACE of_a_test;"
    " ALTER INDEX messages_pkey SET (fillfactor = 60)",
    "unlogged": "ALTER TABLE former_names SET UNLOGGED",
    "access method": "CREATE ACCESS METHOD heap_of_ones_own TYPE TABLE HANDLER heap_tableam_handler;"
    " ALTER TABLE memberships SET ACCESS METHOD heap_of_ones_own",
    "check": "ALTER TABLE messages ADD CONSTRAINT short CHECK (length(content) < 9000);"
    " COMMENT ON CONSTRAINT short ON messages IS 'enough'",
    "check of new rows": "ALTER TABLE messages ADD CONSTRAINT rising CHECK (version > 0) NO INHERIT NOT VALID",
    "unique": "ALTER TABLE rooms ADD CONSTRAINT once UNIQUE NULLS NOT DISTINCT (room_id) INCLUDE (name)"
    " DEFERRABLE INITIALLY DEFERRED",
    "index of one's own": 'CREATE INDEX "By User" ON messages (user_id) INCLUDE (version) WITH (fillfactor = 50)'
    ' WHERE user_id > 0; ALTER INDEX "By User" DEPENDS ON EXTENSION plpgsql',
    "comments on an index": "COMMENT ON INDEX messages_pkey IS 'the key';"
    " COMMENT ON CONSTRAINT messages_pkey ON messages IS 'of all'",
    "statistics target of an index": "CREATE INDEX by_hour ON messages (date_bin('1h', posted_at, 'epoch'));"
    " ALTER INDEX by_hour ALTER COLUMN 1 SET STATISTICS 300; COMMENT ON INDEX by_hour IS 'for reports'",
    "clustering": "ALTER TABLE messages CLUSTER ON messages_pkey",
    "policies": "CREATE POLICY own ON messages AS RESTRICTIVE FOR UPDATE TO PUBLIC, CURRENT_USER"
    " USING (user_id > 0) WITH CHECK (user_id > 1); CREATE POLICY see ON messages FOR SELECT USING (true);"
    " COMMENT ON POLICY own ON messages IS 'why'",
    "policy about another table": "CREATE POLICY of_members ON messages FOR SELECT TO reader USING (EXISTS ("
    "SELECT FROM memberships WHERE memberships.room_id = messages.room_id AND memberships.user_id = 1))",
    "row-level security": "ALTER TABLE messages ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
    "extended statistics": "CREATE STATISTICS together (ndistinct, mcv) ON room_id, user_id FROM messages;"
    " ALTER STATISTICS together SET STATISTICS 50; COMMENT ON STATISTICS together IS 'go together';"
    " CREATE STATISTICS hours ON (date_bin('1h', posted_at, 'epoch')) FROM messages;"
    " ALTER STATISTICS hours OWNER TO reader",
    "privileges": "GRANT SELECT ON messages TO PUBLIC; GRANT ALL ON rooms TO reader WITH GRANT OPTION;"
    " SET ROLE reader; GRANT UPDATE ON rooms TO writer; RESET ROLE;"
    " REVOKE TRIGGER, TRUNCATE ON rooms FROM CURRENT_USER",
    "privileges on a column": "GRANT SELECT (name), UPDATE (name) ON rooms TO PUBLIC;"
    " GRANT SELECT (content) ON messages TO reader WITH GRANT OPTION",
    "owner": "ALTER TABLE former_names OWNER TO writer",
    "privileges that the owner gave up": "REVOKE ALL ON former_names FROM writer",
    "no privileges by default": "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader;"
    " COMMENT ON TABLE memberships IS 'private'",
}
"""What an operator may do to the tables, in this order."""


@pytest.fixture(autouse=True)
async def cluster(postgres: EmbeddedPostgres) -> AsyncIterator[None]:
    """What the changes need, and is of the whole server."""
    connection = await asyncpg.connect(postgres.dsn)
    await connection.execute("CREATE ROLE reader; CREATE ROLE writer; SET allow_in_place_tablespaces = on")
    await connection.execute("CREATE TABLESPACE of_a_test LOCATION ''")
    yield
    await connection.execute("DROP TABLESPACE of_a_test")
    await connection.execute("DROP ROLE reader, writer")
    await connection.close()


async def dumped(url: str) -> list[str]:
    """The schema as pg_dump writes it, without the key that it makes up for each dump."""
    process = await asyncio.create_subprocess_exec(
        *(program("pg_dump"), "--schema-only", "--dbname", url), stdout=asyncio.subprocess.PIPE
    )
    text, _ = await process.communicate()
    assert process.returncode == 0
    return [line for line in text.decode().splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]


@pytest.fixture
async def admin(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    async with open_store(database_url) as store:
        room_id = await store.open_room()
        await store.chat.post_message(PostMessage(room_id, ADA, "hello"))
        await store.chat.rename_room(RenameRoom(room_id, ADA, "Renamed"))
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def test_a_rebuilt_table_is_the_table(database_url: str, admin: asyncpg.Connection) -> None:
    for what, change in CHANGES.items():
        untouched = await describe("public", TABLES, admin)
        await admin.execute(change)
        assert await describe("public", TABLES, admin) != untouched, what
    before, dump_before = await describe("public", TABLES, admin), await dumped(database_url)
    numbers = await admin.fetch("SELECT $1::text[]::regclass[]::oid[]", TABLES)
    await rebuild(create_fold(), database_url, unwatched)
    assert await admin.fetch("SELECT $1::text[]::regclass[]::oid[]", TABLES) != numbers
    assert await describe("public", TABLES, admin) == before
    assert await dumped(database_url) == dump_before
    assert (await verify(create_fold(), database_url, unwatched)).differences == []


@pytest.mark.parametrize(
    ("made", "named"),
    [
        (
            "ALTER TABLE messages ADD CONSTRAINT of_a_room FOREIGN KEY (room_id) REFERENCES rooms",
            "table constraint of_a_room on messages",
        ),
        (
            "CREATE TABLE notes (room_id uuid CONSTRAINT noted REFERENCES rooms)",
            "table constraint noted on public.notes",
        ),
        ("CREATE VIEW recent AS SELECT * FROM messages", "view recent"),
        ("CREATE MATERIALIZED VIEW recent AS SELECT count(*) FROM messages", "view recent"),
        ("CREATE RULE quiet AS ON DELETE TO messages DO INSTEAD NOTHING", "rule quiet on messages"),
        ("CREATE TABLE archived () INHERITS (messages)", "table public.archived"),
        ("CREATE TABLE parent (content text); ALTER TABLE messages INHERIT parent", "pg_inherits of table messages, 1"),
        (
            "CREATE FUNCTION name_of(rooms) RETURNS text LANGUAGE sql RETURN $1.name",
            r"function public.name_of\(public.rooms\)",
        ),
        (
            "CREATE FUNCTION said() RETURNS bigint LANGUAGE sql RETURN (SELECT count(*) FROM messages)",
            "function public.said",
        ),
        ("CREATE TABLE copies (original messages)", "table column public.copies.original"),
        (
            "ALTER TABLE messages ALTER COLUMN version ADD GENERATED BY DEFAULT AS IDENTITY",
            "sequence messages_version_seq",
        ),
        ("ALTER TABLE messages ADD COLUMN number bigserial", "sequence messages_number_seq"),
        ("ALTER TABLE messages ADD COLUMN rating integer", "column rating of table messages"),
        (
            "ALTER TABLE messages ADD CONSTRAINT once UNIQUE (version, room_id) DEFERRABLE;"
            " ALTER TABLE messages DISABLE TRIGGER ALL",
            "tgenabled of trigger",
        ),
        ("ALTER EXTENSION plpgsql ADD TABLE messages", "tie to extension plpgsql of table messages"),
        (
            "CREATE SCHEMA elsewhere; CREATE STATISTICS elsewhere.pair ON room_id, user_id FROM messages",
            "object elsewhere.pair",
        ),
        (
            "SET allow_system_table_mods = on; INSERT INTO pg_seclabel"
            " VALUES ('messages'::regclass, 'pg_class'::regclass, 0, 'nobody', 'secret')",
            "SECURITY LABEL FOR nobody ON TABLE .*messages IS 'secret'",
        ),
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
    await admin.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO writer")
    await admin.execute(f"GRANT SELECT ON {checkpoints.TABLE} TO reader")
    before = await describe("public", TABLES, admin)
    await admin.execute(loss)
    await rebuild(create_fold(), database_url, unwatched)
    assert await describe("public", TABLES, admin) == before
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
    before = await describe("public", TABLES, other)
    await staying.rollback()
    with pytest.raises(RebuildRefused, match="changed meanwhile"):
        await rebuilding
    assert await describe("public", TABLES, other) == before
    await rebuild(create_fold(), database_url, unwatched)
    assert await describe("public", TABLES, other) == before
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
