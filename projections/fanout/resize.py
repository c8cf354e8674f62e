"""Change the number of lanes: all lanes stop at one position, and the new layout starts there."""

import asyncio

import asyncpg

from postgres import locks
from projections.fanout import lane_table as lanes
from projections.fanout.lane_table import LaneRow
from projections.operator_actions import Operator

POLL_S = 0.1


class LanesBusy(Exception):
    """The number of lanes stays as it was: some lanes did not reach the common position in time (the text names them),
    or another process is changing the number."""


async def change_lanes(number: int, dsn: str, *, operator: Operator, timeout_s: float = 60.0) -> None:
    """Divide the users among `number` lanes (1 or more) from now on. Safe while processes publish.

    No event is lost, repeated or reordered: the new layout starts only once every old lane has published the same
    events and reported that nothing is in flight. If this process dies, the old lanes resume by themselves.
    Raises LanesBusy.
    """
    connection = await asyncpg.connect(dsn)
    try:
        if not await locks.NUMBER_OF_LANES.try_take(connection):
            raise LanesBusy("their number is being changed already")
        async with asyncio.timeout(timeout_s):
            while not await _try_resize(number, connection, operator):  # noqa: ASYNC110 - it is other processes that we wait for
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        rows = await lanes.read_lanes(connection)
        await lanes.clear_stops(connection)
        behind = ", ".join(row.name for row in rows if row.waits_at is None)
        raise LanesBusy(f"not at position {max(row.position for row in rows)} yet: {behind}") from None
    finally:
        await connection.close()


async def _try_resize(number: int, connection: asyncpg.Connection, operator: Operator) -> bool:
    """Replace the lanes if all wait at one position; otherwise tell them where to stop and return False."""
    async with connection.transaction():
        rows = await lanes.lock_lanes(connection)
        stop = max(row.position for row in rows)
        if not all([await _is_waiting(row, stop, connection) for row in rows]):
            await lanes.stop_all_at(stop, connection)
            return False
        paused = any(row.paused for row in rows)
        await lanes.replace_all(number, connection, layout=rows[0].layout + 1, position=stop, paused=paused)
        await operator.record("change lanes", f"{len(rows)} to {number}", connection)
        return True


async def _is_waiting(row: LaneRow, stop: int, connection: asyncpg.Connection) -> bool:
    """Whether the lane has published up to `stop` with nothing in flight: it says so itself, or no process holds it."""
    if row.position != stop:
        return False
    if row.waits_at == stop:
        return True
    return await locks.lane(row.lane).try_take_for_transaction(connection)
