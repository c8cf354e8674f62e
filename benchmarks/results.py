"""(m) The page of results: the numbers that matter, and plots of them, written to `docs/results.md` and `docs/images`.

All is measured in this one run; what is compared takes turns, but for arrivals beside Centrifugo.
"""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from string import Template

from benchmarks import append, bare, plots
from benchmarks.fanout import Latencies, beside_a_server, embedded, open_crowds
from benchmarks.growth.comparison import reads, scenes_on
from benchmarks.growth.logs import SIZES, filled
from benchmarks.growth.posts import measure_posts
from benchmarks.growth.turns import Measured, in_turns
from benchmarks.posting import CONNECTIONS
from benchmarks.server import postgres
from benchmarks.tables import ms

PAGE = Path(__file__).resolve().parents[1] / "docs" / "results.md"
TEMPLATE = Path(__file__).with_name("results.md.txt")

ARRIVAL_SIZES = (2, 100)
SHOWN = {
    "GET /rooms/{room_id}/": "page of a room",
    "GET /api/rooms/{room_id}/messages/": "newest 100 messages",
    "GET /api/rooms/": "list of rooms",
    "GET /api/feed/?after={head}": "feed, nothing new",
    "GET /api/search/messages/?q=a": "search",
}
"""What is followed from the smallest log to the largest, beside a post."""


async def run() -> None:
    load = os.getloadavg()[1]
    appended = await append.measure()
    posted = await bare.measure()
    async with postgres() as dsn:
        ada, crowds = await open_crowds(dsn, ARRIVAL_SIZES)
        ours = (await embedded(dsn, ada, crowds))[: len(ARRIVAL_SIZES)]
        server, others = await beside_a_server(dsn, ada, crowds)
    grown = await _growth()
    _plot_appends(appended)
    _plot_arrivals(ours, server, others)
    _plot_growth(grown)
    _write(appended, posted, ours, server, others, grown, load)


async def _growth() -> list[Measured]:
    acts = reads()
    async with filled(SIZES) as logs, scenes_on(logs, said=1) as scenes:
        found = await in_turns(scenes, {name: acts[name] for name in SHOWN}, rounds=5, times=3, at_least_s=0.1)
        return [*found, await measure_posts(scenes)]


def _name(measured: Measured) -> str:
    return SHOWN.get(measured.name, "post")


def _plot_appends(appended: Sequence[append.Appended]) -> None:
    plots.bars(
        "appends",
        "Events recorded a second, by commands at once",
        [f"{each.concurrency}" for each in appended],
        {
            "onrecord": [each.rate for each in appended],
            "stock recorder": [each.stock_rate for each in appended],
            "PostgreSQL alone": [each.bare_rate for each in appended],
        },
    )


def _plot_arrivals(ours: Sequence[Latencies], server: str, others: Sequence[Latencies]) -> None:
    plots.bars(
        "arrivals",
        "From sending to arrival, median in ms, by members of the room",
        [f"{size:,}" for size in ARRIVAL_SIZES],
        {
            "embedded hub": [median(each.posted) * 1000 for each in ours],
            server: [median(each.posted) * 1000 for each in others[: len(ours)]],
            "that alone, without a log": [median(each.bare) * 1000 for each in others[: len(ours)]],
        },
    )


def _plot_growth(grown: Sequence[Measured]) -> None:
    plots.lines(
        "growth",
        "Processor time of a request in ms, by messages in the log",
        [f"{size.messages:,}" for size in SIZES],
        {_name(each): [each.costs[size.messages].cpu_s * 1000 for size in SIZES] for each in grown},
    )


def _posts(ours: bare.Costs, least: bare.Costs) -> list[str]:
    (server, database, rate), (least_server, least_database, least_rate) = ours.medians, least.medians
    cost, least_cost = server + database, least_server + least_database
    more = "[posts](benchmarks.md#posting-over-http)"
    return [
        f"| posts over HTTP, {CONNECTIONS} connections into {bare.ROOMS} rooms, idempotency key included |"
        f" {rate:,.0f} posts/s | a bare handler with one group INSERT: {least_rate:,.0f} |"
        f" {rate / least_rate:.2f} | {more} |",
        f"| such a post, server and PostgreSQL | {cost:.3f} ms of processor | the bare handler: {least_cost:.3f} ms |"
        f" {cost / least_cost:.1f} | {more} |",
    ]


def _write(
    appended: Sequence[append.Appended],
    posted: tuple[bare.Costs, bare.Costs],
    ours: Sequence[Latencies],
    server: str,
    others: Sequence[Latencies],
    grown: Sequence[Measured],
    load: float,
) -> None:
    big, small = SIZES[-1].messages, SIZES[0].messages
    lines = [
        f"| commands at once: {each.concurrency} | {each.rate:,.0f} events/s | stock recorder: {each.stock_rate:,.0f} |"
        f" {each.rate / each.stock_rate:.1f} | [appends](benchmarks.md#appends) |"
        for each in appended
    ]
    lines += _posts(*posted)
    for mine, other in zip(ours, others, strict=False):
        alone = median(other.bare)
        for name, seconds in (("embedded hub", median(mine.posted)), (server, median(other.posted))):
            lines.append(
                f"| arrival at {mine.crowd.size:,} members, {name} | {ms(seconds)} | that server alone: {ms(alone)} |"
                f" {seconds / alone:.1f} | [arrival](benchmarks.md#from-sending-to-arrival) |"
            )
    for each in grown:
        few, many = each.costs[small], each.costs[big]
        lines.append(
            f"| {_name(each)}, {big:,} messages | {many.cpu_s * 1000:.2f} ms of processor |"
            f" {small:,} messages: {few.cpu_s * 1000:.2f} ms | {many.cpu_s / few.cpu_s:.2f} |"
            " [growth](benchmarks.md#as-the-log-grows) |"
        )
    filled_in = Template(TEMPLATE.read_text()).substitute(
        day=datetime.now(UTC).strftime("%-d %B %Y"), load=f"{load:.0f}", rows="\n".join(lines)
    )
    PAGE.write_text(filled_in)
    print(filled_in)
