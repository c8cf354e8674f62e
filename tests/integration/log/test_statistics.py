"""PostgreSQL keeps no statistics of what people typed: neither of columns nor of expressions in indexes.

Statistics hold whole values, and keep them after the row is gone.
"""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from api.schema import bring_up_to_date
from postgres.embedded import EmbeddedPostgres
from postgres.migrations import apply_migrations, read_migrations
from tests.conftest import database_like

# Every column of a table, and every expression of an index, that has room for a text and is analysed.
ANALYSED = """
SELECT relname || '.' || attname AS place
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid LEFT JOIN pg_index ON indexrelid = attrelid
WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
    AND (relkind IN ('r', 'm', 'p') OR (relkind = 'i' AND indkey[attnum - 1] = 0))
    AND attlen NOT BETWEEN 1 AND 16 AND coalesce(attstattarget, -1) <> 0
ORDER BY place
"""

OF_THE_PROGRAM = "names that the program gives"
RANDOM = "a hash of a random token"

NOT_TYPED = {
    "audit_checkpoints.note": "the name of the log, its size and hashes",
    "account_standings.standing": OF_THE_PROGRAM,
    "audit_keys.log_key": "a public key",
    "audit_keys.time_key": "a public key",
    "audit_epochs.origin": "the name of the log, which is public",
    "audit_witnesses.name": "names in a policy file",
    "audit_tiles.hashes": "hashes of entries, which stay in the log",
    "audit_tiles.positions": "numbers",
    "checkpoints.projection": OF_THE_PROGRAM,
    "erasure_requests.holds": "numbers",
    "erasure_requests.rules": "numbers",
    "erasure_requests.versions": "numbers",
    "fanout_lanes.anchor_hash": "a hash of an event, which stays in the log",
    "fanout_lanes.holder": "the name of a machine and the number of a process",
    "fold_versions.projection": OF_THE_PROGRAM,
    "former_access.visibility": OF_THE_PROGRAM,
    "governance.aspect": OF_THE_PROGRAM,
    "governance.role": OF_THE_PROGRAM,
    "idempotency_keys.fingerprint": "a hash under a secret",
    "invitation_links.token_hash": RANDOM,
    "invitations.token_hash": RANDOM,
    "operator_actions.action": OF_THE_PROGRAM,
    "password_resets.token_hash": RANDOM,
    "rooms.people": "numbers",
    "rooms.visibility": OF_THE_PROGRAM,
    "schema_functions.name": OF_THE_PROGRAM,
    "schema_functions.sha256": OF_THE_PROGRAM,
    "schema_migrations.name": OF_THE_PROGRAM,
    "schema_migrations.sha256": OF_THE_PROGRAM,
    "sessions.token_hash": RANDOM,
    "snapshots.mac": "a hash under a secret",
    "snapshots.topic": OF_THE_PROGRAM,
    "stored_events.state": "words in the log itself are never erased",
    "stored_events.topic": OF_THE_PROGRAM,
    "throttle_buckets.key": "an HMAC of what is counted, for some minutes",
    "users.kind": OF_THE_PROGRAM,
    "users.role": OF_THE_PROGRAM,
}
"""Why each of these may have statistics. All other columns with room for a text have the statistics target 0."""

STATISTICS = "SELECT tablename || '.' || attname AS place FROM pg_stats WHERE schemaname = 'public' ORDER BY place"


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


async def test_no_column_with_typed_text_has_statistics(connection: asyncpg.Connection) -> None:
    assert [row["place"] for row in await connection.fetch(ANALYSED)] == sorted(NOT_TYPED)


async def test_a_new_column_and_a_new_expression_have_to_be_decided_on(connection: asyncpg.Connection) -> None:
    await connection.execute("ALTER TABLE rooms ADD COLUMN subject text")
    await connection.execute("CREATE INDEX found_by ON bodies (to_tsvector('simple', content))")
    new = {row["place"] for row in await connection.fetch(ANALYSED)} - set(NOT_TYPED)
    assert new == {"found_by.to_tsvector", "rooms.subject"}
    await connection.execute("ALTER TABLE rooms ALTER COLUMN subject SET STATISTICS 0")
    await connection.execute("ALTER INDEX found_by ALTER COLUMN 1 SET STATISTICS 0")
    assert {row["place"] for row in await connection.fetch(ANALYSED)} == set(NOT_TYPED)


async def test_statistics_of_before_the_upgrade_are_dropped(postgres: EmbeddedPostgres) -> None:
    async with database_like("template0", "test_of_old_statistics", postgres) as url:
        connection = await asyncpg.connect(url)
        await apply_migrations(connection, [step for step in read_migrations() if step.number <= 17])
        await connection.execute(
            """
            INSERT INTO users (username, username_key, password_hash)
            SELECT 'ada ' || n, 'ada ' || n, 'hash ' || n FROM generate_series(1, 20) AS n;
            INSERT INTO messages (room_id, version, user_id, content, posted_at)
            SELECT gen_random_uuid(), n, 1, 'said ' || n, now() FROM generate_series(1, 20) AS n;
            INSERT INTO operator_actions (who, action, subject, why)
            SELECT 'ada', 'skip', 'event ' || n, 'because ' || n FROM generate_series(1, 20) AS n;
            ANALYZE
            """
        )
        before = {row["place"] for row in await connection.fetch(STATISTICS)}
        assert {"users.username", "messages.content", "operator_actions.why", "users.role"} <= before
        await bring_up_to_date(connection)
        await connection.execute("ANALYZE")
        after = {row["place"] for row in await connection.fetch(STATISTICS)}
        await connection.close()
        assert after.isdisjoint({"users.username", "users.username_key", "users.password_hash", "messages.content"})
        assert after.isdisjoint({"operator_actions.who", "operator_actions.subject", "operator_actions.why"})
        assert "users.role" in after
