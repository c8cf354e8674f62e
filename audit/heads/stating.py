"""Makes statements of heads, and only true ones: from rows that have the root which was signed."""

from collections.abc import Collection
from uuid import UUID

import asyncpg

from audit.heads.heads_seen import HeadsSeen
from audit.heads.statement import Heads, HeadsFile
from audit.signing.checkpoint import Checkpoint
from audit.signing.key_limits import why_not_signed
from audit.signing.keys import SignerKeys
from audit.signing.notes import parse_note
from audit.signing.trusted_keys import Trusted
from audit.tree import store
from audit.tree.store import Epoch
from eventstore.log import TABLE as LOG
from eventstore.values import LOG_START

READ_ROWS = f"""
SELECT notification_id, originator_id, originator_version, coalesce(topic, '') AS topic, coalesce(state, '') AS state
FROM {LOG} WHERE notification_id > $1 AND notification_id <= $2 ORDER BY notification_id LIMIT 20000
"""


class NotStated(Exception):
    """There is nothing to state, or it would not be true; the text says why."""


async def state_heads(
    epoch: Epoch,
    keys: SignerKeys,
    trusted: Trusted,
    connection: asyncpg.Connection,
    *,
    time: int,
    only: Collection[UUID] = (),
) -> HeadsFile:
    """The heads in the newest checkpoint, of all streams or of `only` some, signed at `time` in seconds since 1970.

    `keys`: those that sign now. `trusted`: those with which the checkpoint may be signed.
    Every row that the checkpoint covers is read. Raises NotStated and BadNote.
    """
    if epoch.stopped_why is not None:
        raise NotStated(f"nothing is signed any more: {epoch.stopped_why}")
    published = await store.read_checkpoint(epoch.number, connection)
    if published is None:
        raise NotStated("no checkpoint has been signed yet")
    note = parse_note(published.note)
    checkpoint = Checkpoint.parse(note.text)
    seen = await heads_of_log(epoch, checkpoint.size, connection)
    why = why_not_signed(note, checkpoint.size, trusted.limited)
    if why is not None or (seen.tree.size, seen.tree.root()) != (checkpoint.size, checkpoint.root):
        raise NotStated(f"the log is not the one of which {checkpoint.size:,} events were signed")
    if unknown := set(only) - seen.versions.keys():
        raise NotStated(f"no event of stream {min(unknown)} is in a checkpoint yet")
    versions = {stream: seen.versions[stream] for stream in (only or seen.versions)}
    return HeadsFile(keys.sign(Heads(checkpoint, versions, is_all=not only).text, time=time), note)


async def heads_of_log(epoch: Epoch, size: int, connection: asyncpg.Connection) -> HeadsSeen:
    """What the rows of the first `size` leaves come to, read from the log; fewer where the tiles end before."""
    seen = HeadsSeen(size)
    last = await store.position_of(epoch.number, size - 1, connection) if size else None
    position = LOG_START
    while last is not None and (rows := await connection.fetch(READ_ROWS, position, last)):
        seen.add_all(tuple(row) for row in rows)
        position = rows[-1]["notification_id"]
    return seen
