"""What operators do about the fan-out. Each action is recorded in the transaction that takes it."""

from eventstore.values import Position
from postgres.database import Database
from projections.fanout import lane_table as lanes
from projections.fanout.dead_letters import delete_dead_letter
from projections.operator_actions import Operator

FANOUT = "fanout"
"""What an action on all lanes is recorded as one on."""


async def pause(operator: Operator, database: Database) -> None:
    """Let the fan-out publish nothing more until it is resumed."""
    async with database.connection() as connection, connection.transaction():
        await lanes.pause(connection)
        await operator.record("pause", FANOUT, connection)


async def resume(operator: Operator, database: Database) -> None:
    """Let the fan-out go on, where it was paused and where an error stopped it."""
    async with database.connection() as connection, connection.transaction():
        await lanes.resume(connection)
        await operator.record("resume", FANOUT, connection)


async def skip(position: Position, operator: Operator, database: Database) -> bool:
    """Set the event at `position` aside, which stopped lanes, and go on behind it; answers whether it stopped any."""
    async with database.connection() as connection, connection.transaction():
        is_skipped = await lanes.skip(position, connection)
        if is_skipped:
            await operator.record("skip", f"position {position}", connection)
        return is_skipped


async def forget_dead_letter(dead_letter_id: int, action: str, operator: Operator, database: Database) -> bool:
    """Delete a dead letter, published again by a `retry` or given up by a `discard`; answers whether it was there."""
    async with database.connection() as connection, connection.transaction():
        was_there = await delete_dead_letter(dead_letter_id, connection)
        if was_there:
            await operator.record(action, f"dead letter {dead_letter_id}", connection)
        return was_there
