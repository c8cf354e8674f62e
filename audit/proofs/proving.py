"""Makes proof files: of one event, in the tree of the newest checkpoint."""

from uuid import UUID

import asyncpg
from msgspec import UNSET, UnsetType

from audit.proofs.opening import DisclosedWords, EventOpening
from audit.proofs.proof import Proof
from audit.signing.checkpoint import Checkpoint
from audit.signing.notes import parse_note
from audit.tree import store
from eventstore.log import TABLE as LOG
from eventstore.values import LOG_START, Position
from eventstore.words import TABLE as WORDS

READ_EVENT = f"""
SELECT notification_id, originator_id, originator_version, coalesce(topic, '') AS topic, coalesce(state, '') AS state,
    salt, content, client_id
FROM {LOG} LEFT JOIN {WORDS} ON stream = originator_id AND version = originator_version
"""
AT_POSITION = f"{READ_EVENT} WHERE notification_id = $1"
AT_VERSION = f"{READ_EVENT} WHERE originator_id = $1 AND originator_version = $2"
FIND_INDEX = """
SELECT number * 256 + array_position(positions, $2) - 1 FROM audit_tiles
WHERE epoch = $1 AND level = 0 AND positions[1] <= $2 ORDER BY number DESC LIMIT 1
"""
SEALED = b'"sealed":"'


class NotProvable(Exception):
    """There is no proof of the event; the text says why."""


async def prove_position(position: Position, connection: asyncpg.Connection) -> Proof:
    """The proof of the event at a position of the log. Raises NotProvable."""
    return await _prove(await connection.fetchrow(AT_POSITION, position), connection)


async def prove_version(stream: UUID, version: int, connection: asyncpg.Connection) -> Proof:
    """The proof of the event at a version of a stream. Raises NotProvable."""
    return await _prove(await connection.fetchrow(AT_VERSION, stream, version), connection)


async def proven_to(connection: asyncpg.Connection) -> Position:
    """The position of the newest event that a checkpoint covers; the start of the log before the first."""
    epoch = await store.read_epoch(connection)
    published = await store.read_checkpoint(epoch.number, connection) if epoch is not None else None
    if epoch is None or published is None:
        return LOG_START
    return await store.position_of(epoch.number, published.size - 1, connection) or LOG_START


async def _prove(row: asyncpg.Record | None, connection: asyncpg.Connection) -> Proof:
    if row is None:
        raise NotProvable("the log has no such event")
    epoch = await store.read_epoch(connection)
    published = await store.read_checkpoint(epoch.number, connection) if epoch is not None else None
    if epoch is None or published is None:
        raise NotProvable("no checkpoint has been signed yet")
    index = await connection.fetchval(FIND_INDEX, epoch.number, row["notification_id"])
    if index is None or index >= published.size:
        raise NotProvable("the event is not in a checkpoint yet")
    note = parse_note(published.note)
    size = Checkpoint.parse(note.text).size
    path = await store.inclusion_path(epoch.number, index, size, connection)
    return Proof(_opening(row).encoded, index, tuple(path), note)


def _opening(row: asyncpg.Record) -> EventOpening:
    return EventOpening(
        row["notification_id"], row["originator_id"], row["originator_version"], row["topic"], row["state"], _body(row)
    )


def _body(row: asyncpg.Record) -> DisclosedWords | UnsetType | None:
    if row["salt"] is not None:
        return DisclosedWords(row["salt"], row["content"], row["client_id"])
    return None if SEALED in row["state"] else UNSET
