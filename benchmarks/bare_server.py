"""The least that a post can take: an aiohttp handler that does nothing but a group INSERT.

`python -m benchmarks.bare_server DATABASE_URL` answers POST /api/rooms/{room_id}/messages/ and prints its URL. It is
written as the documentation of aiohttp and asyncpg has it: a route with the room in the path, `request.json()`, one
INSERT for all that gathered while the one before was committed, `web.json_response`. The loop, the settings of the
garbage collector and PostgreSQL are those of the service. It has no sessions, limits, decisions, events, idempotency
or read models, checks, logs and counts nothing, and what it stores is never read.
"""

import asyncio
import sys
from uuid import UUID

import asyncpg
import uvloop
from aiohttp import web

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
        content = (await request.json())["content"]
        row_id = await group.add(room_id, content)
        return web.json_response({"id": row_id, "room_id": str(room_id), "content": content}, status=201)

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
