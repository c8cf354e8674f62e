"""Operator commands: pause, resume, skip, retry, discard. Each is recorded in the transaction that does it."""

from eventstore.values import Position
from postgres.database import Database
from projections.fanout import lane_table as lanes
from projections.fanout.dead_letters import delete_dead_letter
from projections.operator_actions import Operator

FANOUT = "fanout"
"""The subject of actions on all lanes."""


async def pause(operator: Operator, database: Database) -> None:
    """Pause the fan-out until it is resumed."""
    async with database.connection() as connection, connection.transaction():
        await lanes.pause(connection)
        await operator.record("pause", FANOUT, connection)


async def resume(operator: Operator, database: Database) -> None:
    """Resume all lanes, paused or stopped by a failure."""
    async with database.connection() as connection, connection.transaction():
        await lanes.resume(connection)
        await operator.record("resume", FANOUT, connection)


async def skip(position: Position, operator: Operator, database: Database) -> bool:
    """Let the lanes stopped at `position` set that event aside and continue; return whether there were any."""
    async with database.connection() as connection, connection.transaction():
        is_skipped = await lanes.skip(position, connection)
        if is_skipped:
            await operator.record("skip", f"position {position}", connection)
        return is_skipped


async def forget_dead_letter(dead_letter_id: int, action: str, operator: Operator, database: Database) -> bool:
    """Delete a dead letter after a `retry` or as a `discard` (the `action`); return whether it existed."""
    async with database.connection() as connection, connection.transaction():
        existed = await delete_dead_letter(dead_letter_id, connection)
        if existed:
            await operator.record(action, f"dead letter {dead_letter_id}", connection)
        return existed
