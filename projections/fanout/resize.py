"""Changing the number of lanes: all stop at one position, and start there again divided anew."""

import asyncio

import asyncpg

from postgres import locks
from projections.fanout import lane_table as lanes
from projections.fanout.lane_table import LaneRow

LOOK_S = 0.1


class LanesBusy(Exception):
    """The lanes go on as they were: they did not come to a common position in time (the text says which are behind),
    or somebody else is changing their number."""


async def change_lanes(number: int, dsn: str, *, timeout_s: float = 60.0) -> None:
    """Divide the users among `number` lanes (1 or more) from now on. Safe beside running processes.

    Nothing is lost, repeated or reordered: no lane of the new layout begins before all of the old one have published
    the same events and said that nothing is under way. When this dies, the lanes go on as they were, by themselves.
    Raises LanesBusy.
    """
    connection = await asyncpg.connect(dsn)
    try:
        if not await locks.NUMBER_OF_LANES.try_take(connection):
            raise LanesBusy("their number is being changed already")
        async with asyncio.timeout(timeout_s):
            while not await _divide(number, connection):  # noqa: ASYNC110 - it is other processes that we wait for
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        rows = await lanes.read_lanes(connection)
        await lanes.let_all_go_on(connection)
        behind = ", ".join(row.name for row in rows if row.waits_at is None)
        raise LanesBusy(f"not at position {max(row.position for row in rows)} yet: {behind}") from None
    finally:
        await connection.close()


async def _divide(number: int, connection: asyncpg.Connection) -> bool:
    """Divide when all lanes wait at one position; otherwise tell them where to stop, and answer False."""
    async with connection.transaction():
        rows = await lanes.lock_lanes(connection)
        stop = max(row.position for row in rows)
        if not all([await _waits(row, stop, connection) for row in rows]):
            await lanes.stop_all_at(stop, connection)
            return False
        paused = any(row.paused for row in rows)
        await lanes.replace_all(number, connection, layout=rows[0].layout + 1, position=stop, paused=paused)
        return True


async def _waits(row: LaneRow, stop: int, connection: asyncpg.Connection) -> bool:
    """Whether the lane published up to `stop` and has nothing under way: by its own word, or since nobody has it."""
    if row.position != stop:
        return False
    if row.waits_at == stop:
        return True
    return await locks.lane(row.lane).try_take_for_transaction(connection)
