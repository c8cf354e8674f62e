"""Fan-out into a hub whose channels tests read back: processes, lanes and a server that fails when told to."""

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import asyncpg

from api.settings import Settings
from api.wiring import create_fanout
from centrifugo.hub.configuration import loading as configuration
from centrifugo.hub.embedded_publisher import EmbeddedPublisher
from centrifugo.hub.hub import Hub
from centrifugo.publisher import Publication, PublicationRefused, PublisherUnavailable
from projections.fanout.lane_table import LaneRow, read_lanes
from projections.fanout.worker import Fanout
from tests.support.conditions import eventually
from tests.support.store import Store

TURN_COLD = (
    "UPDATE leases SET warm_until = now() - interval '1 s', changed_in = pg_current_xact_id() WHERE user_id = $1"
)
"""Ends a user's lease, as if their last token had expired long ago."""


class Server:
    """A hub that keeps everything, behind a publisher that can be made to fail.

    `unavailable` and `refuses` are asked before each publication: the first loses the call there, though what came
    before is delivered; the second refuses that publication for good. `removals_lost` removals of histories are lost.
    """

    def __init__(self, *, history_size: int = 1_000_000) -> None:
        namespace = {"name": "personal", "force_recovery": True, "history_size": history_size, "history_ttl": "1h"}
        self.hub = Hub(configuration.load({"channel": {"namespaces": [namespace]}}, {}))
        self.calls: list[list[str]] = []
        self._removed: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self.unavailable: Callable[[Publication], bool] = lambda _: False
        self.refuses: Callable[[Publication], bool] = lambda _: False
        self.removals_lost = 0
        self._publisher = EmbeddedPublisher(self.hub)

    async def publish(self, publications: Sequence[Publication]) -> None:
        self.calls.append([publication.idempotency_key for publication in publications])
        for index, publication in enumerate(publications):
            if self.refuses(publication):
                raise PublicationRefused(index, 107, "bad request")
            if self.unavailable(publication):
                raise PublisherUnavailable("as the test wants it", done=index)
            await self._publisher.publish([publication])

    async def disconnect(self, user: str, *, code: int, reason: str) -> None:
        await self._publisher.disconnect(user, code=code, reason=reason)

    async def unsubscribe(self, user: str, channel: str) -> None:
        await self._publisher.unsubscribe(user, channel)

    async def remove_history(self, channels: Sequence[str]) -> None:
        if self.removals_lost > 0:
            self.removals_lost -= 1
            raise PublisherUnavailable("as the test wants it")
        for channel in channels:
            self._removed[channel] += self._kept(channel)
        await self._publisher.remove_history(channels)

    async def close(self) -> None:
        await self._publisher.close()

    def remembered(self, user_id: int) -> list[dict[str, Any]]:
        """What the history of a user's channel holds, for those who come back."""
        return self._kept(f"personal:{user_id}")

    def published(self, user_id: int) -> list[dict[str, Any]]:
        """Everything that was ever published to a user's channel, in order, also what was removed from its history."""
        channel = f"personal:{user_id}"
        return [*self._removed[channel], *self._kept(channel)]

    def _kept(self, channel: str) -> list[dict[str, Any]]:
        _, items = self.hub.read_history(channel, limit=-1)
        return [json.loads(b"{" + publication.body + b"}")["data"] for _, publication in items]

    def positions(self, user_id: int) -> list[int]:
        return [publication["position"] for publication in self.published(user_id)]


def named_by(key: str) -> str:
    """The room, and the version or versions in it, that the idempotency key of a publication names."""
    return key.rpartition(":")[0]


def fanout(dsn: str, store: Store, server: Server, *, all_warm: bool = True, sets_aside: bool = False) -> Fanout:
    """The fan-out of one more process."""
    settings = Settings(
        database_url=dsn,
        cold_after="never" if all_warm else "24h",
        fanout_refused="set_aside" if sets_aside else "stop",
    )
    return create_fanout(settings, store, server)


@contextlib.asynccontextmanager
async def publishing(dsn: str, store: Store, server: Server, **settings: bool) -> AsyncIterator[Fanout]:
    """A process that publishes for as long as the block lasts."""
    process = fanout(dsn, store, server, **settings)
    task = asyncio.create_task(process.run())
    try:
        yield process
    finally:
        task.cancel()
        await asyncio.wait([task])


async def lanes_of(dsn: str) -> list[LaneRow]:
    connection = await asyncpg.connect(dsn)
    try:
        return await read_lanes(connection)
    finally:
        await connection.close()


async def published_to(dsn: str, position: int, *, timeout_s: float = 60) -> None:
    """Wait until every lane has published up to a position of the log."""

    async def caught_up() -> bool:
        return all(lane.position >= position for lane in await lanes_of(dsn))

    await eventually(caught_up, timeout_s=timeout_s)


def covered_positions(published: Sequence[dict[str, Any]], events: Sequence[Any]) -> list[int]:
    """The positions in the log that publications of a channel stand for, ascending: of a range, all of its events."""
    at = {(str(recorded.event.originator_id), recorded.version): recorded.position for recorded in events}
    found: set[int] = set()
    for told in published:
        first = told["body"].get("from", told["version"])
        found.update(at[told["body"]["room"]["id"], version] for version in range(first, told["version"] + 1))
    return sorted(found)


def audience_positions(events: Sequence[Any]) -> dict[int, list[int]]:
    """What each user must get, from the log alone: the positions of the events that happened while they were there."""
    members: dict[Any, set[int]] = {}
    expected: dict[int, list[int]] = {}
    for recorded in events:
        event, kind = recorded.event, type(recorded.event).__name__
        room = members.setdefault(event.originator_id, set())
        if kind == "UserJoined":
            room.add(event.user_id)
        for user_id in room if kind != "RoomOpened" else ():
            expected.setdefault(user_id, []).append(recorded.position)
        if kind == "UserLeft":
            room.discard(event.user_id)
    return expected
