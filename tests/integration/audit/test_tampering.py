"""Whatever a superuser alters is found, and named to the row where the tiles are intact, otherwise to an interval."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from audit.append_only_file import AppendOnlyFile
from audit.checking.tree_check import TreeChecked, check_tree
from audit.signing.anchor import Anchored, AnchorFile
from audit.signing.keys import SignerKeys
from audit.signing.trusted_keys import TrustedKeys
from domain.room.erasing import ContentErased
from domain.room.messages import PostMessage
from domain.values import RoomId
from tests.integration.audit.test_proof_files import sign
from tests.integration.audit.test_signing import SEED
from tests.integration.audit.test_tree_growth import ADD, ORIGIN, connection
from tests.support.given_when_then import ADA
from tests.support.signing import CHANGES, ring
from tests.support.store import open_store

__all__ = ["connection"]

TRUSTED = TrustedKeys(ring(SEED), CHANGES)
TABLES = ("stored_events", "bodies")
ROW = "originator_id = $1 AND originator_version = 3"
FORGED = '\'{"why":"x"}\'::bytea'
REBUILT_TILE = """
UPDATE audit_tiles SET hashes = (
    SELECT string_agg(event_hash(notification_id, originator_id, originator_version, topic, state), NULL
        ORDER BY notification_id)
    FROM stored_events WHERE notification_id = ANY(positions)
) WHERE level = 0
"""

TAMPERINGS: dict[str, tuple[list[str], str]] = {
    "words in the log": ([f"UPDATE stored_events SET state = {FORGED} WHERE {ROW}"], "version 3): it was altered"),
    "a time or an author": (
        [
            "UPDATE stored_events SET state = convert_to(replace(convert_from(state, 'utf8'), '20', '19'), 'utf8') "
            f"WHERE {ROW}"
        ],
        "version 3): it was altered",
    ),
    "a room": (
        [f"UPDATE stored_events SET originator_id = gen_random_uuid() WHERE {ROW}"],
        "version 3): it was altered",
    ),
    "a row is removed": ([f"DELETE FROM stored_events WHERE {ROW}"], "the row is missing"),
    "a row is added, backdated": (
        [
            f"DELETE FROM stored_events WHERE {ROW}",
            "INSERT INTO stored_events (notification_id, originator_id, originator_version, topic, state) OVERRIDING "
            "SYSTEM VALUE SELECT min(notification_id) - 1, $1, 3, 'message_added', '{}' FROM stored_events",
        ],
        "version 3): it was added later",
    ),
    "two rows are swapped": (
        [
            "UPDATE stored_events SET originator_version = 1000 WHERE " + ROW,
            "UPDATE stored_events SET originator_version = 3 WHERE originator_id = $1 AND originator_version = 4",
            "UPDATE stored_events SET originator_version = 4 WHERE originator_id = $1 AND originator_version = 1000",
        ],
        "version 4): it was altered",
    ),
    "the last rows are cut": (
        ["DELETE FROM stored_events WHERE notification_id > (SELECT max(notification_id) - 3 FROM stored_events)"],
        "the row is missing",
    ),
    "the last rows are cut, and other rows follow": (
        [
            "DELETE FROM stored_events WHERE notification_id > (SELECT max(notification_id) - 3 FROM stored_events)",
            "INSERT INTO stored_events (originator_id, originator_version, topic, state) "
            "VALUES (gen_random_uuid(), 1, 'x', '{}')",
        ],
        "the row is missing",
    ),
    "the last rows are cut, the tree and its checkpoints as well": (
        [
            "DELETE FROM stored_events WHERE notification_id > (SELECT positions[100] FROM audit_tiles "
            "WHERE level = 0 AND number = 0)",
            "DELETE FROM audit_checkpoints",
            "UPDATE audit_epochs SET size = 100",
        ],
        "anchor: a tree of 505 events was signed, and the tiles have 100",
    ),
    "the log and its tiles, with new hashes": (
        [f"UPDATE stored_events SET state = {FORGED} WHERE {ROW}", REBUILT_TILE],
        "anchor: events 101 to 505 of the tree are not those that were signed",
    ),
    "the tree is set back": (
        ["UPDATE audit_epochs SET size = 100"],
        "there are tiles beyond the 100 events of the tree",
    ),
    "a tile above the leaves": (
        ["UPDATE audit_tiles SET hashes = sha256('x') WHERE level = 1"],
        "above those of level 0 are not made from them",
    ),
    "a tile is gone": (["DELETE FROM audit_tiles WHERE level = 0 AND number = 1"], "tile 0/1: it is missing or cut"),
    "words": (
        ["UPDATE bodies SET content = 'Never said' WHERE stream = $1 AND version = 3"],
        "version 3): its words are not those that were recorded",
    ),
    "words are removed without an erasure": (
        ["DELETE FROM bodies WHERE stream = $1 AND version = 3"],
        "version 3): its words are missing, and no event erased them",
    ),
    "an erasure without deletion": (
        [
            "INSERT INTO stored_events (originator_id, originator_version, topic, state) "
            "VALUES ($1, 5, 'content_erased', '{\"versions\":[3]}')",
        ],
        "version 3): its words are there, and an event erased them",
    ),
    "words without an event": (
        ["INSERT INTO bodies (stream, version, salt, content) VALUES ($1, 77, '\\x00', 'x')"],
        "version 77: words without an event",
    ),
    "a checkpoint that others signed": (
        ["UPDATE audit_checkpoints SET note = split_part(note, E'\\n\\n', 1) || E'\\n\\n\u2014 other AAAAAAAA\\n'"],
        "database: the checkpoint of 505 events is not signed with a key of the log",
    ),
}
"""What is done, and what must be found. `$1` is the room, which has messages at versions 3 and 4."""


@dataclass(frozen=True)
class SignedLog:
    """A log of some hundred events, signed twice."""

    room_id: RoomId
    anchored: list[Anchored]
    connection: asyncpg.Connection

    async def check(self, outside: list[tuple[str, str]] | None = None) -> TreeChecked:
        topic = ContentErased.TOPIC
        return await check_tree(TRUSTED, self.anchored, outside or [], self.slice, erasing_topic=topic)

    @contextlib.asynccontextmanager
    async def slice(self) -> AsyncIterator[asyncpg.Connection]:
        """Inside the transaction that tampers."""
        async with self.connection.transaction():
            yield self.connection


@pytest.fixture
async def signed_log(connection: asyncpg.Connection, database_url: str, tmp_path: Path) -> AsyncIterator[SignedLog]:
    await connection.execute(ADD, "before", 100)
    await sign(connection, tmp_path)
    async with open_store(database_url) as opened:
        room = await opened.open_room()
        for words in ("Nothing is lost.", "Nothing is altered."):
            await opened.chat.post_message(PostMessage(room, ADA, words))
        await connection.execute(ADD, "after", 401)
        await sign(connection, tmp_path)
        yield SignedLog(room, AnchorFile(AppendOnlyFile(tmp_path / "anchor.jsonl")).read(), connection)


@pytest.mark.long
async def test_each_tampering_is_found_and_named(signed_log: SignedLog) -> None:
    clean = await signed_log.check()
    assert (clean.findings, clean.size, clean.rows) == ([], 505, 505)
    missed = {}
    for name, (statements, expected) in TAMPERINGS.items():
        transaction = signed_log.connection.transaction()
        await transaction.start()
        for table in TABLES:
            await signed_log.connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            arguments = (signed_log.room_id,) if "$1" in statement else ()
            await signed_log.connection.execute(statement, *arguments)
        findings = (await signed_log.check()).findings
        if not any(expected in finding.said for finding in findings):
            missed[name] = findings
        await transaction.rollback()
    assert missed == {}


async def test_a_checkpoint_that_others_kept_is_compared(signed_log: SignedLog) -> None:
    kept = ("kept.txt", signed_log.anchored[0].note)
    assert (await signed_log.check([kept])).findings == []
    forged = SignerKeys(ORIGIN, SEED).sign(f"{ORIGIN}\n300\n{'A' * 43}=\n", time=1)
    found = (await signed_log.check([kept, ("forged.txt", str(forged)), ("other.txt", "hello")])).findings
    assert any("forged.txt: events 101 to 300 of the tree are not those" in finding.said for finding in found)
    assert any("other.txt: a checkpoint cannot be trusted" in finding.said for finding in found)
    assert len(found) == 2
