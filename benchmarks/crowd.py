"""(p) A crowd joins a room with a thousand warm members, while two strangers talk in another room of the same lane."""

import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.server import postgres
from benchmarks.tables import p50_p99, table
from centrifugo.client import CentrifugoClient
from centrifugo.publisher import Publication
from domain.room.membership import JoinRoom
from domain.room.messages import PostMessage
from domain.values import RoomId, UserId
from tests.support.lanes_under_test import Server, named_by, published_to, publishing
from tests.support.realtime import server as realtime
from tests.support.store import Store, open_store

WARM, JOINING, AT_ONCE = 1_000, 10_000, 100
FIRST_STRANGER = UserId(1)
SECOND_STRANGER = UserId(2)
MEMBERS = [UserId(10 + number) for number in range(WARM)]
CROWD = [UserId(10_000 + number) for number in range(JOINING)]
EVERY_S = 0.02

MAKE_WARM = """
INSERT INTO leases (user_id, warm_until) SELECT user_id, now() + interval '1 day' FROM unnest($1::bigint[]) AS user_id
"""


class TimedServer(Server):
    """Knows when each publication was first accepted: by the embedded hub, or by the server of `client`."""

    def __init__(self, client: CentrifugoClient | None = None) -> None:
        super().__init__(history_size=10)
        self._client = client
        self.came_at: dict[str, float] = {}

    async def publish(self, publications: Sequence[Publication]) -> None:
        await (self._client.publish(publications) if self._client is not None else super().publish(publications))
        self.calls.clear()
        for publication in publications:
            self.came_at.setdefault(named_by(publication.idempotency_key), time.perf_counter())


COLUMNS = (
    "server",
    "recorded after",
    "published after",
    "publications",
    "messages of strangers",
    "p50",
    "p99",
    "longest",
)


async def run() -> None:
    rows = [await _crowd("embedded hub", TimedServer())]
    if realtime.binary():
        with tempfile.TemporaryDirectory() as folder:
            config = json.loads(realtime.CONFIG.read_text())
            with realtime.running("centrifugo", Path(folder), config) as server:
                client = CentrifugoClient(server.api_url, realtime.API_KEY)
                rows.append(await _crowd("real Centrifugo", TimedServer(client)))
                await client.close()
    table(f"{JOINING:,} people join a room with {WARM:,} warm members", COLUMNS, rows)


async def _crowd(name: str, server: TimedServer) -> tuple[object, ...]:
    """One row of the table."""
    async with postgres() as dsn, open_store(dsn, timeout_s=600.0) as store:
        crowded = await store.open_room("Crowded", by=MEMBERS[0])
        await store.chat.join_all(crowded, MEMBERS[1:])
        strangers = await store.open_room("Strangers", by=FIRST_STRANGER)
        await store.chat.join_room(JoinRoom(strangers, SECOND_STRANGER))
        await store.database.execute(MAKE_WARM, [FIRST_STRANGER, SECOND_STRANGER, *MEMBERS])
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
    return (
        name,
        f"{joined_s:.1f} s",
        f"{through_s:.1f} s",
        f"{publications:,}",
        len(waited),
        *p50_p99(waited),
        f"{waited[-1] * 1000:,.0f} ms",
    )


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
