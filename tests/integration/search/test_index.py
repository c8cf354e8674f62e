"""The index of all that people typed follows the log, and nothing but an erasure takes from it."""

import asyncio
import json
import logging
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest
from aiohttp.test_utils import TestServer
from click.testing import CliRunner

from api.wiring import create_fold
from cli.main import main
from domain.room.attaching import Attached
from domain.room.discussion.editing import EditMessage
from domain.room.messages import PostMessage
from domain.values import UserId
from projections.search.days import bounds, last_before
from projections.search.index import SLICE
from projections.search.query import parse
from replay.rebuild.rebuild import rebuild
from tests.support.given_when_then import ADA
from tests.support.people import Person
from tests.support.store import Store, open_store

ROWS = "SELECT string_agg(row::text, ' ' ORDER BY event) FROM search_index AS row"


async def talk(store: Store, messages: int) -> None:
    room = await store.open_room("General")
    posts = [store.chat.post_message(PostMessage(room, ADA, f"cog number{number}")) for number in range(messages)]
    await asyncio.gather(*posts)


async def test_a_rebuild_leaves_the_index_as_it_is(database_url: str) -> None:
    async with open_store(database_url) as store:
        await talk(store, 20)
        await store.search_index.go_on()
        before = await store.database.fetchval(ROWS)
        await rebuild(create_fold(), database_url, lambda _: None)
        assert await store.database.fetchval(ROWS) == before
        await store.chat.post_message(PostMessage(await store.open_room("Looms"), ADA, "shuttle"))
        await store.search_index.go_on()
        assert await store.database.fetchval("SELECT count(*) FROM search_index") == 23


async def test_processes_share_the_work_and_each_event_is_indexed_once(database_url: str) -> None:
    async with open_store(database_url) as one, open_store(database_url) as other:
        await talk(one, 1200)
        await one.search_index.index_slice()  # and it ends here, as when a command is interrupted
        assert await one.database.fetchval("SELECT count(*) FROM search_index") == SLICE
        await asyncio.gather(one.search_index.go_on(), other.search_index.go_on(), other.search_index.go_on())
        (counted,) = await one.database.fetch("SELECT count(*), count(DISTINCT event) FROM search_index")
        assert tuple(counted) == (1201, 1201)


async def test_db_init_builds_what_an_older_installation_lacks_while_people_talk(
    database_url: str, tmp_path: Path
) -> None:
    def init(*options: str) -> str:
        environment = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path)}
        done = CliRunner(env=environment).invoke(main, ["db", "init", *options])
        assert done.exit_code == 0, done.output
        return done.stdout

    async with open_store(database_url) as store:
        await talk(store, 1200)
        await store.search_index.index_slice()
        assert "index" not in await asyncio.to_thread(init, "--no-index")
        building = asyncio.create_task(asyncio.to_thread(init))
        room, posted = await store.open_room("Looms"), 0
        while not building.done():
            await store.chat.post_message(PostMessage(room, ADA, "shuttle"))
            posted += 1
        assert "the index for search is up to date\n" in await building
        assert posted > 1
        await store.search_index.go_on()
        assert await store.database.fetchval("SELECT count(*) FROM search_index") == 1202 + posted
        assert "index" not in await asyncio.to_thread(init)


async def test_who_is_in_many_rooms_finds_in_all_of_them_and_in_no_other(database_url: str) -> None:
    async with open_store(database_url) as store:
        for number in range(60):
            room = await store.open_room(f"Room {number}", by=UserId(1 + number // 55))
            await store.chat.post_message(PostMessage(room, UserId(1 + number // 55), "cog"))
        found = await store.search.find(ADA, parse("cog"), limit=100)
        assert [each.room_name for each in found.messages] == [f"Room {number}" for number in reversed(range(55))]


async def test_operators_find_files_in_the_index_and_in_the_log_beyond_it(database_url: str, tmp_path: Path) -> None:
    def found(query: str) -> list[str]:
        environment = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path)}
        done = CliRunner(env=environment).invoke(main, ["events", "search", query, "--json"])
        return [json.loads(line)["content"] for line in done.stdout.splitlines()]

    file = Attached(uuid4(), "0" * 64, 1, "application/octet-stream", None, None)
    async with open_store(database_url) as store:
        room = await store.open_room("General")
        added = await store.chat.post_message(PostMessage(room, ADA, ""), attached=[file])
        await store.chat.post_message(PostMessage(room, ADA, "without"))
        await store.discussion.edit(EditMessage(room, ADA, added.event.originator_version, "a sketch"))
        assert await asyncio.to_thread(found, "has:file") == ["", "a sketch"]
        await store.search_index.go_on()
        assert await asyncio.to_thread(found, "has:file") == ["", "a sketch"]
        assert await asyncio.to_thread(found, "sketch has:file") == ["a sketch"]


async def test_a_moment_is_found_in_the_log(database_url: str) -> None:
    async with open_store(database_url) as store:
        for number in range(7):
            room = await store.open_room(f"Room {number}")
            await store.chat.post_message(PostMessage(room, ADA, "cog"))
            last = "SELECT setval('stored_events_notification_id_seq', max(notification_id) + 5) FROM stored_events"
            await store.database.execute(last)  # positions have gaps
        events = await store.events()
        for before, recorded in pairwise(events):
            if before.event.timestamp < recorded.event.timestamp:
                assert await last_before(recorded.event.timestamp, store.database) == before.position
        assert await last_before(events[0].event.timestamp, store.database) == 0
        assert await last_before(datetime.now(UTC), store.database) == events[-1].position
        assert await bounds(datetime(2001, 1, 1, tzinfo=UTC), None, store.database) == (0, None)
        assert await bounds(None, datetime(2001, 1, 1, tzinfo=UTC), store.database) == (0, 0)


async def test_what_is_searched_for_is_in_no_log(
    server: TestServer, ada: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await ada.open_room("Engines")
    for query in ("confidential", "in:confidential", "before:confidential", "%00confidential", "confidential" * 50):
        for path in ("/search/", "/api/search/messages/"):
            answer = await ada.get(f"{path}?q={query}", headers={"Accept": "text/html, application/json"})
            assert answer.status in (200, 400)
    assert [record for record in caplog.records if "/search/" in str(vars(record))]
    assert not [record for record in caplog.records if "confidential" in str(vars(record))]
