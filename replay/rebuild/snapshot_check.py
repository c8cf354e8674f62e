"""Snapshots compared with the events that they sum up."""

import asyncpg
from eventsourcing.domain import Aggregate

from domain.values import RoomId
from eventstore.log import Log
from eventstore.snapshots import Snapshots
from replay.rebuild.verify import Finding


async def examine_snapshots(
    snapshots: Snapshots[Aggregate], log: Log, connection: asyncpg.Connection, *, room_id: RoomId | None = None
) -> tuple[int, list[Finding]]:
    """Examine every snapshot, or one room's; returns how many there are, and what is wrong with them.

    Reads the events of each stream that has a snapshot. Changes nothing.
    """
    streams = await snapshots.streams(connection, stream_id=room_id)
    problems = [(stream, await snapshots.examine(stream, log, connection=connection)) for stream in streams]
    return len(streams), [Finding(RoomId(stream), f"snapshot: {what}") for stream, what in problems if what is not None]
