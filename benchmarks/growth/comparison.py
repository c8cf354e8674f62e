"""Every endpoint, page, form, command, post and arrival, in a log of a thousand messages and in one of a million."""

import contextlib
import os
import time
from collections.abc import AsyncIterator, Sequence

from benchmarks.growth import doors
from benchmarks.growth.arrivals import measure_arrivals
from benchmarks.growth.commands import NOT_TRIED, WHOLE, measure_commands
from benchmarks.growth.logs import SIZES, Filled, filled
from benchmarks.growth.posts import measure_posts
from benchmarks.growth.scene import SAID, Scene, open_scene
from benchmarks.growth.turns import Act, Measured, in_turns
from benchmarks.server import service
from benchmarks.tables import table
from tests.support.realtime import server as realtime

LIMIT = 1.2
"""More is to be explained."""

PARTS = ("reads", "changes", "posts", "arrivals", "commands")
READ_ROUNDS, CHANGE_ROUNDS = 9, 7
COUNTS_ROOMS = "its answer has 100 rooms beside 20, and counts all of them"
PASSES_OVER = "reads what was said with the word in rooms of others, until its page is full"
READS_A_ROOM = "reads a room's events, 150 times as many"
EXPLAINED = {
    "GET /api/search/?q=": COUNTS_ROOMS,
    "GET /api/search/?q=Room 1": COUNTS_ROOMS,
    "GET /discover/": COUNTS_ROOMS,
    "GET /discover/?q=Room 1": COUNTS_ROOMS,
    "GET /api/search/messages/?q=a": PASSES_OVER,
    "GET /api/search/messages/?q=said": PASSES_OVER,
    "GET /readyz": "looks through all rooms once",
    "POST /api/users/{user_id}/erase/": "a person has said 200 messages beside 20",
    "onrecord room visible": READS_A_ROOM,
}
"""Why something takes more of the processor in the larger log."""


async def run() -> None:
    parts = os.environ.get("GROWTH", ",".join(PARTS)).split(",")
    said = SAID if "changes" in parts else 1
    async with filled((SIZES[0], SIZES[-1])) as logs, scenes_on(logs, said=said) as scenes:
        if "reads" in parts:
            show("Reads", await in_turns(scenes, reads(), rounds=READ_ROUNDS, times=3, at_least_s=0.05))
        if "posts" in parts:
            show("Posts", [await measure_posts(scenes)])
        if "arrivals" in parts:
            show("Arrivals", [await measure_arrivals(scenes)])
        if "changes" in parts:
            show("Changes", await in_turns(scenes, changes(), rounds=CHANGE_ROUNDS, times=4))
        if "commands" in parts:
            measured, refused = await measure_commands(scenes)
            show("Commands", measured)
            for words, answer in refused.items():
                print(f"- `{words}` failed: {answer}")
            for words, why in {**WHOLE, **NOT_TRIED}.items():
                print(f"- `{words}`: {why}")


@contextlib.asynccontextmanager
async def scenes_on(logs: Sequence[Filled], *, said: int = SAID) -> AsyncIterator[list[Scene]]:
    """A service on each, and who asks it."""
    async with contextlib.AsyncExitStack() as stack:
        yield [
            await open_scene(
                each,
                await stack.enter_async_context(
                    service(each.dsn, CENTRIFUGO_TOKEN_SECRET=realtime.SECRET, **each.environment, LOG_LEVEL="error")
                ),
                said=said,
            )
            for each in logs
        ]


def reads() -> dict[str, Act]:
    """What is asked for by GET, by name."""
    return {f"GET {path}": _read(path) for path in doors.reads()}


def changes() -> dict[str, Act]:
    """What changes something, by name."""
    return {name: _change(name) for name in doors.changes()}


def _read(path: str) -> Act:
    async def act(scene: Scene) -> tuple[float, int]:
        ask = doors.read(scene, path)
        began = time.perf_counter()
        status, _ = await scene.ada.send(ask)
        return time.perf_counter() - began, status

    return act


def _change(name: str) -> Act:
    async def act(scene: Scene) -> tuple[float, int]:
        who, ask = await doors.WAYS[name](scene)
        began = time.perf_counter()
        status, _ = await who.send(ask)
        return time.perf_counter() - began, status

    return act


def show(title: str, measured: Sequence[Measured]) -> None:
    """The table, what grew most first; and how many did."""
    small, big = SIZES[0].messages, SIZES[-1].messages
    rows = []
    for each in sorted(measured, key=lambda one: -one.ratio(small, big)[0]):
        cpu, p50 = each.ratio(small, big)
        why = EXPLAINED.get(each.name, "**not explained**") if cpu > LIMIT else ""
        statuses = ",".join(map(str, sorted(each.costs[small].statuses | each.costs[big].statuses)))
        rows.append(
            (
                f"`{each.name}`",
                statuses,
                f"{cpu:.2f}",
                f"{p50:.2f}",
                *each.costs[small].cells,
                *each.costs[big].cells,
                why,
            )
        )
    times = ("", "status", "CPU, times", "p50, times")
    costs = (f"{size:,}: {what}" for size in (small, big) for what in ("p50", "server, ms", "PostgreSQL, ms"))
    columns = (*times, *costs, "why")
    table(f"{title}: {big:,} messages beside {small:,}", columns, rows)
    print(f"\n{sum(float(row[2]) > LIMIT for row in rows)} of {len(rows)} above {LIMIT:g}")
