"""The least that a post can take: an aiohttp handler that does nothing but a group INSERT.

`python -m benchmarks.bare_server DATABASE_URL` answers POST /api/rooms/{room_id}/messages/ and prints its URL. It has
no sessions, decisions, events, idempotency or read models, and nobody reads what it stores.
"""

import asyncio
import sys
from uuid import UUID

import asyncpg
import msgspec
import uvloop
from aiohttp import web
from msgspec import Struct

from cli.support.garbage import collect_garbage_less_often

TABLE = """
CREATE TABLE bare_messages (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    room_id uuid NOT NULL,
    content text NOT NULL,
    posted_at timestamptz NOT NULL DEFAULT now()
)
"""
INSERT = """
INSERT INTO bare_messages (room_id, content) SELECT * FROM unnest($1::uuid[], $2::text[]) RETURNING id
"""


class Said(Struct, frozen=True):
    """The body of a request."""

    content: str


class Stored(Struct, frozen=True):
    """The body of an answer."""

    id: int
    room_id: UUID
    content: str


class Group:
    """Rows that gathered while those before them were committed go into one INSERT."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._waiting: list[tuple[UUID, str, asyncio.Future[int]]] = []
        self._wake = asyncio.Event()

    async def add(self, room_id: UUID, content: str) -> int:
        """The id of the row, after commit."""
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((room_id, content, answer))
        self._wake.set()
        return await answer

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            group, self._waiting = self._waiting, []
            rooms, contents, answers = zip(*group, strict=True)
            for answer, (row_id,) in zip(answers, await self._connection.fetch(INSERT, rooms, contents), strict=True):
                answer.set_result(row_id)


async def serve(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(TABLE)
    group = Group(connection)

    async def post_message(request: web.Request) -> web.Response:
        room_id = UUID(request.match_info["room_id"])
        said = msgspec.json.decode(await request.read(), type=Said)
        stored = Stored(await group.add(room_id, said.content), room_id, said.content)
        return web.Response(body=msgspec.json.encode(stored), status=201, content_type="application/json")

    app = web.Application()
    app.router.add_post("/api/rooms/{room_id}/messages/", post_message)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    print(f"http://{host}:{port}", flush=True)
    collect_garbage_less_often()
    await group.run()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1]))
