"""(e) From sending a message to its arrival at connected clients, by the size of the room.

200 members are connected (in a smaller room, all of them), spread over the members. For comparison, with the same
clients of the same server: what one bare broadcast to the same channels takes.
"""

import asyncio
import contextlib
import json
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import aiohttp
from yarl import URL

from benchmarks.hub_clients import Arrival, clients, content, received
from benchmarks.load import Connection, Visitor
from benchmarks.posting import BEGIN_AFTER_THEM, open_room
from benchmarks.server import postgres, service
from benchmarks.tables import ms, p50_p99, table
from centrifugo.tokens import connection_token, subscription_token
from domain.values import UserId
from projections.fanout.channels import personal_channel
from tests.support.realtime import server as realtime
from tests.support.store import Store, open_store

SIZES = (2, 100, 1_000, 10_000, 100_000)
MESSAGES = {2: 200, 100: 200, 1_000: 100, 10_000: 40, 100_000: 15}
LISTENING = 200
WARM = 1_000
TOGETHER, EACH = 8, 25
"""Connections that post at once, and messages over each, for the count of what came out of order."""

COLUMNS_OF_FAULTS = ("arrived", "out of order", "repeated", "missing")
COLUMNS = (
    "members",
    "published to",
    "p50",
    "p99",
    "server alone: p50",
    "p99",
    "first message",
    *COLUMNS_OF_FAULTS,
)

FIRST_MEMBER = 1_000_000  # where `open_room` begins
WARM_UP = 3

MAKE_WARM = """
INSERT INTO leases (user_id, warm_until) SELECT user_id, now() + interval '1 day' FROM unnest($1::bigint[]) AS user_id
ON CONFLICT (user_id) DO NOTHING
"""


@dataclass(frozen=True)
class Crowd:
    """A room and its members. The first one posts."""

    room_id: str
    members: Sequence[int]

    @property
    def size(self) -> int:
        return len(self.members)

    def spread(self, count: int) -> list[int]:
        """That many members, at equal distances; all of them when there are fewer."""
        count = min(count, self.size)
        return [self.members[place * self.size // count] for place in range(count)]


@dataclass
class Faults:
    """What must not happen on a channel."""

    arrived: int = 0
    out_of_order: int = 0
    repeated: int = 0
    missing: int = 0

    @property
    def cells(self) -> list[str]:
        return [f"{number:,}" for number in (self.arrived, self.out_of_order, self.repeated, self.missing)]

    def count(self, arrivals: Sequence[Arrival], *, clients: int, messages: int) -> None:
        """Count the faults in what arrived of so many messages at so many clients."""
        newest: Counter[int] = Counter()
        seen: set[tuple[int, int]] = set()
        for client, number, _ in arrivals:
            self.repeated += (client, number) in seen
            self.out_of_order += number < newest[client]
            newest[client] = max(newest[client], number)
            seen.add((client, number))
        self.arrived += len(arrivals)
        self.missing += clients * messages - len(seen)


@dataclass
class Sender:
    """Posts to the service, and broadcasts to the real-time server directly."""

    who: Visitor
    url: URL
    connection: Connection
    api_url: str | None
    http: aiohttp.ClientSession

    async def connect(self) -> None:
        """A new connection: the service closes one over which nothing comes for some seconds."""
        self.connection.close()
        self.connection = await Connection.open(self.url)

    async def post(self, crowd: Crowd) -> None:
        path = f"/api/rooms/{crowd.room_id}/messages/"
        status, body = await self.connection.send(self.who.post(path, {"content": content(time.perf_counter())}))
        assert status == 201, body

    async def post_together(self, crowd: Crowd, *, connections: int, each: int) -> None:
        """Many messages at once."""
        path = f"/api/rooms/{crowd.room_id}/messages/"

        async def post_each() -> None:
            connection = await Connection.open(self.url)
            for _ in range(each):
                await connection.send(self.who.post(path, {"content": content(time.perf_counter())}))
            connection.close()

        await asyncio.gather(*(post_each() for _ in range(connections)))

    async def broadcast(self, channels: bytes, number: int) -> None:
        """One call for all channels, with a body of about the same size."""
        data = {"type": "bare", "body": {"id": number, "content": content(time.perf_counter()), "rest": "x" * 200}}
        encoded = json.dumps(data, separators=(",", ":")).encode()
        body = b'{"channels":%b,"data":%b,"idempotency_key":"bare %d"}' % (channels, encoded, number)
        headers = {"X-API-Key": realtime.API_KEY}
        # The server gives a call 10 s. One that takes longer is executed, and its answer is lost.
        with contextlib.suppress(aiohttp.ServerDisconnectedError):
            async with self.http.post(f"{self.api_url}/broadcast", data=body, headers=headers) as answer:
                assert answer.status == 200
                await answer.read()


@dataclass
class Latencies:
    """Of one room: seconds from sending to arrival, of posts and of bare broadcasts, and what was wrong."""

    crowd: Crowd
    published_to: int
    posted: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    first: float = 0.0
    faults: Faults = field(default_factory=Faults)

    @property
    def cells(self) -> list[str]:
        alone = p50_p99(self.bare) if self.bare else ("", "")
        places = (f"{self.crowd.size:,}", f"{self.published_to:,}")
        return [*places, *p50_p99(self.posted), *alone, ms(self.first), *self.faults.cells]


async def run() -> None:
    async with postgres() as dsn:
        ada, crowds = await open_crowds(dsn, SIZES)
        rows = await embedded(dsn, ada, crowds)
        table("From sending to arrival, embedded hub", COLUMNS, [row.cells for row in rows])
        name, rows = await beside_a_server(dsn, ada, crowds)
        table(f"From sending to arrival, {name}", COLUMNS, [row.cells for row in rows])


async def open_crowds(dsn: str, sizes: Sequence[int]) -> tuple[Visitor, list[Crowd]]:
    """Rooms of these sizes, of which Ada is a member."""
    async with service(dsn) as served:
        ada = await Visitor.sign_up(served.url, "ada")
    async with open_store(dsn) as store:
        crowds = [await open_crowd(store, ada, size) for size in sizes]
        await store.database.execute(BEGIN_AFTER_THEM)
        await store.database.execute(MAKE_WARM, crowds[-1].spread(WARM))
    return ada, crowds


async def open_crowd(store: Store, ada: Visitor, size: int) -> Crowd:
    room_id = await open_room(store, f"Room of {size}", ada.user_id, size)
    return Crowd(str(room_id), [ada.user_id, *range(FIRST_MEMBER, FIRST_MEMBER + size - 1)])


async def embedded(dsn: str, ada: Visitor, crowds: Sequence[Crowd]) -> list[Latencies]:
    """With the hub in the process of the service."""
    rows = []
    for cold_after, which in _warmths(crowds):
        async with service(dsn, CENTRIFUGO_TOKEN_SECRET=realtime.SECRET, COLD_AFTER=cold_after) as served:
            assert served.url.port is not None
            for crowd in which:
                async with sender(ada, served.url, None) as talking:
                    rows.append(await _measure(talking, crowd, served.url.port, cold_after))
    return rows


async def beside_a_server(dsn: str, ada: Visitor, crowds: Sequence[Crowd]) -> tuple[str, list[Latencies]]:
    """With a Centrifugo where one is at hand, or the hub as a process of its own; and which it was."""
    kind: realtime.Kind = "centrifugo" if realtime.binary() else "hub"
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        config = json.loads(realtime.CONFIG.read_text())
        with realtime.running(kind, Path(folder), config) as server:
            environment = {
                "CENTRIFUGO_API_URL": server.api_url,
                "CENTRIFUGO_API_KEY": realtime.API_KEY,
                "CENTRIFUGO_TOKEN_SECRET": realtime.SECRET,
            }
            for cold_after, which in _warmths(crowds):
                async with service(dsn, COLD_AFTER=cold_after, **environment) as served:
                    for crowd in which:
                        async with sender(ada, served.url, server.api_url) as talking:
                            rows.append(await _measure(talking, crowd, server.port, cold_after))
    name = "a real Centrifugo" if kind == "centrifugo" else "the hub as a process of its own"
    return name, rows


def _warmths(crowds: Sequence[Crowd]) -> list[tuple[str, Sequence[Crowd]]]:
    """COLD_AFTER, and the rooms that are measured with it: in the biggest, 1,000 members are warm without `never`."""
    return [("never", crowds), ("24h", crowds[-1:])]


@asynccontextmanager
async def sender(ada: Visitor, url: URL, api_url: str | None) -> AsyncIterator[Sender]:
    connection = await Connection.open(url)
    async with aiohttp.ClientSession() as http:
        talking = Sender(ada, url, connection, api_url, http)
        yield talking
    talking.connection.close()


async def _measure(talking: Sender, crowd: Crowd, port: int, cold_after: str) -> Latencies:
    """One row of the table."""
    listening = crowd.spread(LISTENING)
    warm = crowd.members if cold_after == "never" else crowd.spread(WARM)
    channels = json.dumps([personal_channel(UserId(user_id)) for user_id in warm], separators=(",", ":")).encode()
    found = Latencies(crowd, len(warm))
    with clients(port, [login(user_id) for user_id in listening]) as pipe:
        await received(pipe)
        await talking.connect()
        for number in range(MESSAGES[crowd.size] + WARM_UP):
            arrivals = await arrivals_of(pipe, len(listening), talking.post(crowd))
            found.faults.count(arrivals, clients=len(listening), messages=1)
            if number == 0:
                found.first = max(arrival.latency_s for arrival in arrivals)
            if number < WARM_UP:
                continue
            found.posted += [arrival.latency_s for arrival in arrivals]
            if talking.api_url is not None:
                arrivals = await arrivals_of(pipe, len(listening), talking.broadcast(channels, time.time_ns()))
                found.bare += [arrival.latency_s for arrival in arrivals]
        if crowd.size <= WARM:
            posting = talking.post_together(crowd, connections=TOGETHER, each=EACH)
            arrivals = await arrivals_of(pipe, len(listening) * TOGETHER * EACH, posting)
            found.faults.count(arrivals, clients=len(listening), messages=TOGETHER * EACH)
    return found


async def arrivals_of(pipe: Pipe, count: int, sending: Coroutine[None, None, None]) -> list[Arrival]:
    """What arrives of what is being sent."""
    pipe.send(count)
    await received(pipe)
    await sending
    arrived: list[Arrival] = await received(pipe)
    return arrived


def login(user_id: int) -> tuple[str, str, str]:
    channel, now = personal_channel(UserId(user_id)), time.time()
    return (
        channel,
        connection_token(realtime.SECRET, str(user_id), now=now, ttl_s=3600),
        subscription_token(realtime.SECRET, str(user_id), channel, now=now, ttl_s=3600),
    )
