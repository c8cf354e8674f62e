"""Posts by many at once into rooms of one log after the other, and from sending to arrival."""

import itertools
import time
from collections.abc import Sequence

from benchmarks.growth.scene import Scene
from benchmarks.growth.turns import Cost, Measured, backends, used_s
from benchmarks.load import Run, Visitor
from benchmarks.load import run as drive

CONNECTIONS, EACH, ROUNDS = 32, 40, 9

_keys = itertools.count(time.time_ns())  # a log that is kept knows those of earlier runs


async def measure_posts(scenes: Sequence[Scene]) -> Measured:
    """A post with an idempotency key, of 32 at once into all rooms of Ada's."""
    measured = Measured("a post, of 32 at once", {})
    for number in range(-1, ROUNDS):
        for scene in scenes if number % 2 else scenes[::-1]:
            cost = measured.costs.setdefault(scene.size.messages, Cost()) if number >= 0 else Cost()
            processes = backends(scene)
            server, database = used_s(scene.served.pid), sum(map(used_s, processes))
            run = await _post(scene)
            posts = len(run.seconds)
            cost.seconds += run.seconds
            cost.server.append((used_s(scene.served.pid) - server) / posts)
            cost.database.append((sum(map(used_s, processes)) - database) / posts)
    return measured


async def _post(scene: Scene) -> Run:
    ada = scene.ada
    headers = f"Host: {scene.url.host}\r\nCookie: {ada.cookie}\r\nX-CSRFToken: {ada.csrf}\r\n"
    who = Visitor(ada.user_id, ada.name, headers)
    paths = [f"/api/rooms/{room}/messages/" for room in scene.rooms]
    content = {"content": "What was said is kept, proved and replayed."}
    return await drive(
        scene.url,
        lambda place, number: who.post(paths[(place + number) % len(paths)], content, key=f"growth {next(_keys)}"),
        connections=CONNECTIONS,
        each=EACH,
        status=201,
    )
