"""From sending to arrival at all members of a room, who are connected to the hub of the service."""

import contextlib
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection as Pipe

import asyncpg

from benchmarks.fanout import MAKE_WARM, arrivals_of, login
from benchmarks.growth.scene import Ask, Scene
from benchmarks.growth.turns import Act, Measured, in_turns
from benchmarks.hub_clients import clients, content, received

ROUNDS, EACH = 9, 10


async def measure_arrivals(scenes: Sequence[Scene]) -> Measured:
    """One message after the other into Ada's second room; seconds are those of each arrival's message, the last one."""
    async with contextlib.AsyncExitStack() as stack:
        pipes: dict[int, Pipe] = {}
        for scene in scenes:
            members = [scene.ada.user_id, *scene.others]
            connection = await asyncpg.connect(scene.dsn)
            await connection.execute(MAKE_WARM, members)
            await connection.close()
            assert scene.url.port is not None
            pipe = stack.enter_context(clients(scene.url.port, [login(user_id) for user_id in members]))
            await received(pipe)
            pipes[scene.size.messages] = pipe

        async def arrive(scene: Scene) -> tuple[float, int]:
            async def post() -> None:
                said = {"content": content(time.perf_counter())}
                await scene.ada.done(Ask("POST", f"/api/rooms/{scene.side}/messages/", said))

            arrived = await arrivals_of(pipes[scene.size.messages], len(scene.others) + 1, post())
            return max(each.latency_s for each in arrived), 201

        act: Act = arrive
        (measured,) = await in_turns(scenes, {"a message, to arrival at 25": act}, rounds=ROUNDS, times=EACH)
        return measured
