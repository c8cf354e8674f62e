"""What must hold after everything: of the log, of what arrived at open pages, and of what they show."""

import asyncio
import os
from collections.abc import Sequence, Set
from dataclasses import dataclass

import asyncpg

from tests.support.conditions import eventually
from tests.support.faults.talk import Talk
from tests.support.lanes_under_test import lanes_of, published_to
from tests.support.live_page import LivePage
from tests.support.realtime.node import Event
from tests.support.running_service import Stage
from tests.support.serving import ONRECORD

EVERYTHING = """
SELECT * FROM stored_events LEFT JOIN bodies ON stream = originator_id AND version = originator_version
ORDER BY notification_id
"""

SIGNALS = ("feed_paused", "log_restarted")
"""Publications that are not in the log. What a channel leaves out after one of them, pages find in the feed."""

MOVES = ("members_changed", "user_joined", "user_left")


@dataclass(frozen=True)
class Checked:
    """What was found, for people to read: publications that arrived, messages that a restored backup took back."""

    arrived: int
    taken_back: int


async def check(stage: Stage, talk: Talk) -> Checked:
    """The log and what is derived from it, then every page, then everything that arrived."""
    position, taken_back = await check_the_log(stage.dsn, talk)
    await check_pages(stage.dsn, stage.pages, position)
    await check_derived(stage)
    return Checked(check_arrivals(stage.pages), taken_back)


async def check_the_log(dsn: str, talk: Talk) -> tuple[int, int]:
    """Versions have no gap, and what was acknowledged is there exactly once, where the answer said.

    Answers the last position, and how many messages a restored backup took back.
    """
    connection = await asyncpg.connect(dsn)
    events = await connection.fetch(EVERYTHING)
    shown = await connection.fetch("SELECT room_id, version FROM messages")
    await connection.close()
    versions: dict[str, list[int]] = {}
    recorded: list[tuple[str, tuple[str, int]]] = []
    for event in events:
        room_id, version = str(event["originator_id"]), event["originator_version"]
        versions.setdefault(room_id, []).append(version)
        if event["topic"] == "message_added":
            recorded.append((event["content"], (room_id, version)))
    for room_id, found in versions.items():
        assert found == list(range(1, len(found) + 1)), f"versions of {room_id} have gaps or came out of order"
    assert len(recorded) == len(dict(recorded)), "a message was recorded twice"
    taken_back = talk.said.keys() - dict(recorded).keys()
    assert taken_back <= talk.unsure, "a message is lost"
    sure = dict(recorded).keys() - talk.unsure  # others may have been recorded twice: before and after a restore
    assert dict(recorded).keys() <= talk.said.keys()
    assert {content: dict(recorded)[content] for content in sure} == {content: talk.said[content] for content in sure}
    assert sorted(place for _, place in recorded) == sorted((str(row["room_id"]), row["version"]) for row in shown)
    return int(events[-1]["notification_id"]), len(taken_back)


async def check_derived(stage: Stage) -> None:
    """Read models, snapshots and the rules of rooms: what `onrecord projections verify` looks at."""
    process = await asyncio.create_subprocess_exec(
        ONRECORD,
        *("projections", "verify"),
        env={"PATH": os.environ["PATH"], **stage.environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


async def check_pages(dsn: str, pages: Sequence[LivePage], position: int) -> None:
    """Every page becomes equal to a fresh one by itself."""
    await published_at_last(dsn, position)
    differences: list[list[str]] = []

    async def all_are_fresh() -> bool:
        differences[:] = [await page.differences() for page in pages]
        return not any(differences)

    try:
        await eventually(all_are_fresh)
    except TimeoutError:
        raise AssertionError(f"pages differ: {[found[:3] for found in differences if found]}") from None


async def published_at_last(dsn: str, position: int) -> None:
    """Wait as long as lanes move.

    When the log went back, all members of the crowd count as warm for a while: each message is one for everyone.
    """
    moved_to: list[int] = []
    while True:
        try:
            return await published_to(dsn, position)
        except TimeoutError:
            before, moved_to = moved_to, [lane.position for lane in await lanes_of(dsn)]
            assert moved_to != before, f"lanes stand at {moved_to} of {position}: {await lanes_of(dsn)}"


def check_arrivals(pages: Sequence[LivePage]) -> int:
    """No channel stepped back, repeated or left out anything for as long as its history lived; how much arrived."""
    total = 0
    for page in pages:
        for history, arrivals in page.arrivals.items():
            caught_up_at = page.caught_up_at.get(history, set())
            check_history(arrivals, page.browser.user_id, known=page.known[history], caught_up_at=caught_up_at)
            total += len(arrivals)
    return total


def is_own_move(event: Event, user_id: int) -> bool:
    """Whether the user joined or left by it: amid a crowd, they get this before the range, or instead of it."""
    return event["type"] in ("user_joined", "user_left") and event["body"]["user"]["id"] == user_id


def check_history(arrivals: Sequence[tuple[int, Event]], user_id: int, *, known: int, caught_up_at: Set[int]) -> None:
    """Offset after offset, and of each room version after version while the user was there and the feed not paused.

    Of what the page had when it subscribed, up to the position `known`, a lane that has moved back publishes again only
    what the channel did not get before. Positions rise until the channel is told that the log went back. A page that is
    busy hears more after that on the same subscription, until it has loaded afresh.
    """
    assert [offset for offset, _ in arrivals] == list(range(arrivals[0][0], arrivals[0][0] + len(arrivals)))
    position = known
    versions: dict[str, int] = {}
    for offset, event in arrivals:
        if event["type"] in SIGNALS or offset - 1 in caught_up_at:
            versions.clear()
        if event["type"] == "log_restarted":
            position = known
        if event["type"] in SIGNALS or event["position"] <= known:
            continue
        room_id, version = event["body"]["room"]["id"], event["version"]
        if is_another_cut(event, position) and versions.get(room_id, version) >= version:
            continue
        assert event["position"] > position, f"the channel of {user_id} stepped back from {position} to {event}"
        position = event["position"]
        expected = versions.pop(room_id, first_version(event) - 1) + 1
        assert first_version(event) <= expected <= version or is_own_move(event, user_id), (
            f"the channel of {user_id} lacks version {expected} before {event}"
        )
        is_own = event["type"] != "members_changed" and event["body"]["user"]["id"] == user_id
        if (event["type"], is_own) != ("user_left", True):
            versions[room_id] = version


def is_another_cut(event: Event, position: int) -> bool:
    """Whether a lane's successor told of a crowd again, cut in another place, or of one of its number alone.

    No key says that it is a repeat.
    """
    return event["type"] in MOVES and event["position"] <= position


def first_version(event: Event) -> int:
    """The version that an event has, or the first that a range of joins and leaves stands for."""
    return int(event["body"].get("from", event["version"]))
