"""(p) A crowd joins a room with a thousand warm members, while two strangers talk in another room of the same lane."""

import asyncio
import time
from collections.abc import Sequence

from benchmarks.server import postgres
from benchmarks.tables import table
from centrifugo.publisher import Publication
from domain.room.membership import JoinRoom
from domain.room.messages import PostMessage
from domain.values import RoomId, UserId
from tests.support.lanes_under_test import Server, named_by, published_to, publishing
from tests.support.store import Store, open_store

WARM, JOINING, AT_ONCE = 1_000, 10_000, 100
FIRST_STRANGER = UserId(1)
SECOND_STRANGER = UserId(2)
MEMBERS = [UserId(10 + number) for number in range(WARM)]
CROWD = [UserId(10_000 + number) for number in range(JOINING)]
EVERY_S = 0.05

MAKE_WARM = """
INSERT INTO leases (user_id, warm_until) SELECT user_id, now() + interval '1 day' FROM unnest($1::bigint[]) AS user_id
"""


class TimedServer(Server):
    """Knows when each publication came first."""

    def __init__(self) -> None:
        super().__init__(history_size=10)
        self.came_at: dict[str, float] = {}

    async def publish(self, publications: Sequence[Publication]) -> None:
        await super().publish(publications)
        self.calls.clear()
        for publication in publications:
            self.came_at.setdefault(named_by(publication.idempotency_key), time.perf_counter())


async def run() -> None:
    async with postgres() as dsn, open_store(dsn, timeout_s=600.0) as store:
        crowded = await store.open_room("Crowded", by=MEMBERS[0])
        await store.chat.join_all(crowded, MEMBERS[1:])
        strangers = await store.open_room("Strangers", by=FIRST_STRANGER)
        await store.chat.join_room(JoinRoom(strangers, SECOND_STRANGER))
        await store.database.execute(MAKE_WARM, [FIRST_STRANGER, SECOND_STRANGER, *MEMBERS])
        server = TimedServer()
        async with publishing(dsn, store, server, all_warm=False) as fanout:
            await published_to(dsn, (await store.events())[-1].position)
            before = fanout.counts.publications
            started = time.perf_counter()
            talking = asyncio.create_task(_talk(store, strangers))
            for start in range(0, JOINING, AT_ONCE):
                last = await store.chat.join_all(crowded, CROWD[start : start + AT_ONCE])
            joined_s = time.perf_counter() - started
            await published_to(dsn, last.position, timeout_s=600)
            through_s = time.perf_counter() - started
            talking.cancel()
            await asyncio.wait([talking])
            sent = talking.result()
            await published_to(dsn, (await store.events())[-1].position, timeout_s=600)
            waited = sorted(server.came_at[key] - at for key, at in sent.items())
            publications = fanout.counts.publications - before
    row = (
        f"{joined_s:.1f} s",
        f"{through_s:.1f} s",
        f"{publications:,}",
        len(waited),
        f"{waited[len(waited) // 2] * 1000:,.0f} ms",
        f"{waited[-1] * 1000:,.0f} ms",
    )
    columns = ("recorded after", "published after", "publications", "messages of strangers", "p50", "longest")
    table(f"{JOINING:,} people join a room with {WARM:,} warm members, embedded hub", columns, [row])


async def _talk(store: Store, room_id: RoomId) -> dict[str, float]:
    """Post until cancelled; when each message was posted, by what names it in the key of its publication."""
    sent: dict[str, float] = {}
    try:
        while True:
            at = time.perf_counter()
            event = (await store.chat.post_message(PostMessage(room_id, FIRST_STRANGER, "hello"))).event
            sent[f"{room_id}:{event.originator_version}"] = at
            await asyncio.sleep(EVERY_S)
    except asyncio.CancelledError:
        return sent
