"""Old idempotency keys are removed, however many there are and however slowly the disk deletes them."""

import asyncpg
import pytest

from eventstore import idempotency_keys
from postgres.database import Database

INSERT = """
INSERT INTO idempotency_keys (owner, key, fingerprint, originator_id, originator_version, recorded_at)
SELECT 1, n::text, '', '00000000-0000-4000-8000-000000000000', 1,
    now() - CASE n WHEN 0 THEN '0' ELSE '1 day' END::interval
FROM generate_series(0, 120) AS n
"""
SLOW = """
CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.005); RETURN OLD; END $$;
CREATE TRIGGER slow BEFORE DELETE ON idempotency_keys FOR EACH ROW EXECUTE FUNCTION wait();
"""


async def test_old_keys_go_in_slices_that_fit_the_time_of_a_statement(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency_keys, "SLICE", 100)  # half a second of deleting
    connection = await asyncpg.connect(database_url)
    await connection.execute(INSERT)
    await connection.execute(SLOW)
    database = await Database.connect(database_url, timeout_s=0.35)
    await idempotency_keys.remove_old_keys(database, keep_s=3600)
    assert [row["key"] for row in await connection.fetch("SELECT key FROM idempotency_keys")] == ["0"]
    await database.close()
    await connection.close()
