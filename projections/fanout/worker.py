"""The lanes of one process. Any number of processes share the lanes; each lane has one holder at a time."""

import asyncio
import logging
import math
import os
import socket
from dataclasses import dataclass

import asyncpg

from centrifugo.publisher import Publisher
from eventstore.errors import NewerFold
from eventstore.values import Position
from postgres import locks
from postgres.connect import SESSION, connect
from postgres.database import UNAVAILABLE
from postgres.errors import StoreError
from projections.fanout import lane_table as lanes
from projections.fanout.lane import Lane
from projections.fanout.lane_table import LaneRow, LayoutChanged
from projections.fanout.publishing.counts import Counts
from projections.fanout.tail import Tail
from projections.readmodels import fold_version
from projections.readmodels.projection import RoomsProjection
from projections.readmodels.tables import LIVE

REBALANCE_S = 1.0
"""How often a process compares its lanes with its fair share."""

RELEASE_TIMEOUT_S = 5.0
DATABASE_TIMEOUT_S = 5.0

HOLDER_SESSION = {
    **SESSION,
    "application_name": "onrecord fan-out",
    # A hung process, or a machine that lost power, must not keep its lanes.
    "idle_session_timeout": "30s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FanoutSettings:
    """`all_warm`: publish to cold members, too. `sets_aside`: make refused events dead letters instead of stopping."""

    all_warm: bool = False
    sets_aside: bool = False
    token_ttl_s: float = 120.0  # how long a subscription token can be used


@dataclass(slots=True)
class HeldLane:
    """A lane that this process holds, its task, and the connection that holds its lock."""

    lane: Lane
    task: asyncio.Task[None]
    connection: asyncpg.Connection


class Fanout:
    """Holds a fair share of the lanes as long as it runs."""

    def __init__(self, dsn: str, tail: Tail, publisher: Publisher, settings: FanoutSettings) -> None:
        self._dsn = dsn
        self._tail = tail
        self._publisher = publisher
        self._settings = settings
        self._held: dict[int, HeldLane] = {}
        self._presence: asyncpg.Connection | None = None
        self._is_outdated = False
        self._holder = f"{socket.gethostname()}:{os.getpid()}"
        self.counts = Counts()

    @property
    def lanes(self) -> list[Lane]:
        """The lanes that this process holds."""
        return [held.lane for held in self._held.values()]

    @property
    def lag_events(self) -> int:
        """The lag of the lane that is furthest behind, in positions."""
        return max((lane.lag_events for lane in self.lanes), default=0)

    @property
    def lag_s(self) -> float:
        """The lag of the lane whose oldest unpublished event has waited longest, in seconds."""
        return max((lane.lag_s for lane in self.lanes), default=0.0)

    async def run(self) -> None:
        """Publish until cancelled; publications in flight then get `RELEASE_TIMEOUT_S` to finish."""
        listening = asyncio.create_task(self._tail.run())
        try:
            while True:
                try:
                    await self._rebalance()
                    self._is_outdated = False
                except NewerFold as error:
                    await self._leave(str(error))
                except (*UNAVAILABLE, StoreError) as error:
                    log.warning("cannot share lanes", extra={"reason": str(error) or type(error).__name__})
                    self._disconnect()
                except Exception:
                    log.exception("cannot share lanes")
                    self._disconnect()
                await asyncio.sleep(REBALANCE_S)
        finally:
            listening.cancel()
            await asyncio.gather(*(self._release(lane) for lane in list(self._held)))
            self._disconnect()

    async def _rebalance(self) -> None:
        """Release lanes beyond a fair share, or acquire free ones up to it."""
        connection = await self._presence_connection()
        async with asyncio.timeout(DATABASE_TIMEOUT_S):
            rows = await lanes.read_lanes(connection)
            processes = await locks.PUBLISHING.count_shared(connection)
        await self._release_finished()
        share = math.ceil(len(rows) / max(1, processes))
        for lane in sorted(self._held)[share:]:
            await self._release(lane)
        for row in rows:
            if len(self._held) >= share:
                break
            if row.lane not in self._held:
                await self._acquire(row.lane)

    async def _presence_connection(self) -> asyncpg.Connection:
        """The connection whose shared lock makes other processes count this one."""
        if self._presence is None or self._presence.is_closed():
            self._presence = await self._connect()
            await self._refuse_older(self._presence)
            await locks.PUBLISHING.share(self._presence)
        await self._refuse_older(self._presence)
        return self._presence

    async def _refuse_older(self, connection: asyncpg.Connection) -> None:
        """Raises NewerFold: an older program may not read the events that a newer one appends."""
        async with asyncio.timeout(DATABASE_TIMEOUT_S):
            await fold_version.refuse_older(RoomsProjection.name, RoomsProjection.version, connection, schema=LIVE)

    async def _leave(self, reason: str) -> None:
        """Release all lanes, and do not count as a process that could hold some."""
        if not self._is_outdated:
            log.error("lanes left to a newer program", extra={"reason": reason})
        self._is_outdated = True
        await asyncio.gather(*(self._release(lane) for lane in list(self._held)))
        self._disconnect()

    async def _acquire(self, number: int) -> None:
        connection = await self._connect()
        row = None
        try:
            row = await lanes.try_hold(number, self._holder, connection)
        finally:
            if row is None:
                connection.terminate()
        if row is None:
            return
        lane = Lane(
            row,
            self._tail,
            self._publisher,
            connection,
            counts=self.counts,
            all_warm=self._settings.all_warm,
            sets_aside=self._settings.sets_aside,
            token_ttl_s=self._settings.token_ttl_s,
        )
        log.info("lane taken", extra={"lane": row.name, "position": row.position})
        task = asyncio.create_task(self._run(lane), name=row.name)
        connection.add_termination_listener(lambda _: self._cancel_lost(lane, task))
        self._held[number] = HeldLane(lane, task, connection)

    def _cancel_lost(self, lane: Lane, task: asyncio.Task[None]) -> None:
        """Cancel a lane at once when its connection closes: another process may hold it by now."""
        if not task.done():
            log.warning("lane lost", extra={"lane": lane.row.name, "reason": "connection lost"})
            task.cancel()

    async def _run(self, lane: Lane) -> None:
        """Run the lane. Whatever ends it, a process acquires it again and continues from its checkpoint."""
        try:
            await lane.run()
        except LayoutChanged:
            log.info("the number of lanes has changed", extra={"lane": lane.row.name})
        except (*UNAVAILABLE, StoreError) as error:
            log.warning("lane lost", extra={"lane": lane.row.name, "reason": str(error) or type(error).__name__})
        except Exception as error:
            log.exception("lane stopped", extra={"lane": lane.row.name})
            await self._record_failure(lane.row, error)

    async def _record_failure(self, row: LaneRow, error: Exception) -> None:
        """Stop the lane at an event that raised an unexpected error, until an operator resumes or skips."""
        connection = await self._connect()
        try:
            await lanes.fail(
                row, Position(row.position + 1), f"{type(error).__name__}: see the server's log", connection
            )
        finally:
            connection.terminate()

    async def _release_finished(self) -> None:
        for lane, held in list(self._held.items()):
            if held.task.done():
                await self._release(lane)

    async def _release(self, lane: int) -> None:
        held = self._held.pop(lane)
        held.lane.finish()
        _, unfinished = await asyncio.wait([held.task], timeout=RELEASE_TIMEOUT_S)
        for task in unfinished:
            task.cancel()
            await asyncio.wait([task])
        held.connection.terminate()

    async def _connect(self) -> asyncpg.Connection:
        return await connect(
            self._dsn, HOLDER_SESSION, timeout_s=DATABASE_TIMEOUT_S, command_timeout_s=DATABASE_TIMEOUT_S
        )

    def _disconnect(self) -> None:
        if self._presence is not None:
            self._presence.terminate()
            self._presence = None
