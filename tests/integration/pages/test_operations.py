"""The operations page: who may see it, what it tells, and what admins do there, on the record."""

import asyncio
import contextlib
import html
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import jwt
import pytest
from aiohttp.test_utils import TestServer

from api.http.app_keys import ACCOUNTS, SECRETS
from api.settings import Settings
from api.wiring import create_figures_publisher, create_fold, create_sampler
from centrifugo.hub.configuration import loading as configuration
from centrifugo.hub.embedded_publisher import EmbeddedPublisher
from centrifugo.hub.hub import Hub
from replay.investigate.projection_status import read_status
from replay.progress import Progress
from replay.rebuild.rebuild import rebuild
from replay.rebuild.verify import verify
from tests.integration.conftest import StartServer, Visit
from tests.support.conditions import eventually
from tests.support.listening import listening
from tests.support.operator import OPERATOR
from tests.support.people import Person
from tests.support.realtime import server as realtime
from tests.support.realtime.server import KINDS, Kind
from tests.support.store import Store

CHANNEL = "operations:figures"
WHY = {"why": "planned"}


@pytest.fixture
async def admin(visit: Visit, server: TestServer) -> Person:
    return await promoted(await visit("grace"), server)


@pytest.fixture
async def psql(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def promoted(person: Person, server: TestServer) -> Person:
    name = person.user["username"]
    assert await server.app[ACCOUNTS].set_role(name, "admin", operator=OPERATOR)
    await person.log_in(name)
    return person


async def text_of(person: Person, path: str = "/operations/") -> str:
    """A page, in words."""
    page = await person.get(path)
    assert page.status == 200, page.raw
    return words(page.raw)


def words(page: bytes) -> str:
    body = re.sub(r"<template.*?</template>", "", page.decode().partition("<main")[2], flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


async def record(psql: asyncpg.Connection) -> list[tuple[str, str, str, str]]:
    """Everything that was done: who, what, to what, why."""
    rows = await psql.fetch(
        "SELECT who, action, subject, why FROM operator_actions WHERE who <> 'a test' ORDER BY action_id"
    )
    return [tuple(row) for row in rows]


async def messages(ada: Person, *texts: str) -> str:
    """A room where ada says these; positions 1 and 2 are its opening and her joining."""
    room = await ada.open_room("General")
    for text in texts:
        assert (await ada.post(f"/api/rooms/{room}/messages/", {"content": text})).status == 201
    return room


@contextlib.asynccontextmanager
async def a_reader_in_a_table(psql: asyncpg.Connection) -> AsyncIterator[None]:
    """A reader that no exchange of tables can pass."""
    staying = psql.transaction()
    await staying.start()
    await psql.fetch("SELECT * FROM rooms")
    yield
    await staying.rollback()


ACTIONS = ("pause", "resume", "skip", "rebuild", "cancel-rebuild", "dead-letters/1/retry", "dead-letters/1/discard")


async def test_only_admins_are_admitted_and_only_they_are_shown_the_way(
    visit: Visit, ada: Person, admin: Person, psql: asyncpg.Connection
) -> None:
    anonymous = await visit()
    for path in ("/operations/", "/operations/dead-letters/1/"):
        led = await anonymous.http.get(anonymous.url.with_path(path), allow_redirects=False)
        assert (led.status, led.headers["Location"]) == (303, f"/login/?next={path}")
        refused = await ada.get(path)
        assert (refused.status, "This is for admins." in words(refused.raw)) == (403, True)
    for action in ACTIONS:
        assert (await anonymous.submit(f"/operations/{action}/", WHY)).status == 303
        assert (await ada.submit(f"/operations/{action}/", WHY)).status == 403
        assert (await admin.submit(f"/operations/{action}/", WHY, csrf="forged")).status == 403
    assert await record(psql) == []
    assert b'href="/operations/"' not in (await ada.get("/rooms/")).raw
    assert b'href="/operations/"' in (await admin.get("/rooms/")).raw


async def test_only_admins_get_a_token_for_the_figures_and_a_short_one(
    ada: Person, admin: Person, server: TestServer
) -> None:
    refused = await ada.get(f"/api/token/subscription/?channel={CHANNEL}")
    assert (refused.status, refused.body) == (403, {"detail": "permission denied"})
    for other in ("operations:", "operations:other", f"{CHANNEL}0"):
        assert (await admin.get(f"/api/token/subscription/?channel={other}")).status == 403
    token = (await admin.get(f"/api/token/subscription/?channel={CHANNEL}")).body["token"]
    secret = server.app[SECRETS].centrifugo_token_secret
    claims = jwt.decode(token, secret, algorithms=["HS256"], audience="onrecord", issuer="onrecord")
    assert (claims["sub"], claims["channel"]) == (str(admin.user["id"]), CHANNEL)
    assert claims["exp"] - claims["iat"] == 60


async def test_the_page_tells_how_far_everything_is(ada: Person, admin: Person, psql: asyncpg.Connection) -> None:
    await messages(ada, "one", "two")

    async def is_up_to_date() -> bool:
        text = await text_of(admin)
        return "Log position 4" in text and "fanout-0 subscriber running Position 4 Behind up to date" in text

    await eventually(is_up_to_date)
    assert "rooms inline running Position 4 Behind up to date" in await text_of(admin)
    await psql.execute("UPDATE fanout_lanes SET failed_position = 3, failed_reason = 'too large', position = 2")
    text = await text_of(admin)
    assert "fanout-0 subscriber stopped Position 2 Behind 2 events" in text
    assert "position 3: too large" in text


async def test_a_pause_and_what_follows_are_recorded_with_who_and_why(
    ada: Person, admin: Person, psql: asyncpg.Connection
) -> None:
    assert (await admin.submit("/operations/pause/", {"why": "an upgrade"})).status == 303
    assert "fanout-0 subscriber paused" in await text_of(admin)
    await psql.execute("UPDATE fanout_lanes SET failed_position = 3, failed_reason = 'too large'")
    assert (await admin.submit("/operations/skip/", {"position": "3", "why": "too large"})).status == 303
    assert (await admin.submit("/operations/resume/", {"why": "it is done"})).status == 303
    assert await record(psql) == [
        ("grace", "pause", "fanout", "an upgrade"),
        ("grace", "skip", "position 3", "too large"),
        ("grace", "resume", "fanout", "it is done"),
    ]
    assert "skip position 3 : an upgrade" not in await text_of(admin)
    assert "pause fanout : an upgrade" in await text_of(admin)


async def test_nothing_is_done_without_a_reason_or_where_there_is_nothing_to_do(
    admin: Person, psql: asyncpg.Connection
) -> None:
    for action in ("pause", "resume", "skip", "rebuild", "cancel-rebuild"):
        for why in ("", "  ", "x" * 501, "\x00"):
            refused = await admin.submit(f"/operations/{action}/", {"position": "1", "why": why})
            assert (refused.status, b'aria-invalid="true"' in refused.raw) == (400, True), (action, why)
    for position in ("3", "", "x", "9" * 19, "-1"):
        refused = await admin.submit("/operations/skip/", {"position": position, **WHY})
        assert (refused.status, "No lane has stopped at this position." in words(refused.raw)) == (409, True)
    refused = await admin.submit("/operations/cancel-rebuild/", WHY)
    assert (refused.status, "No rebuild is running." in words(refused.raw)) == (409, True)
    assert await record(psql) == []


async def test_what_is_far_behind_is_so_by_positions_not_by_events_counted_one_by_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.open_room("One")  # positions 1 and 2
    await store.database.fetchval("SELECT nextval(pg_get_serial_sequence('stored_events', 'notification_id'))")
    await store.open_room("Two")  # positions 4 and 5
    for counted, behind in ((10, 4), (3, 5)):
        monkeypatch.setattr("replay.investigate.projection_status.COUNTED", counted)
        assert (await read_status(store.database, store.log))[1].lag_events == behind


async def test_a_rebuild_is_started_from_the_page_and_mends_what_was_wrong(
    ada: Person, admin: Person, psql: asyncpg.Connection, database_url: str
) -> None:
    await messages(ada, "one", "two")
    await psql.execute("UPDATE messages SET content = 'never said'")
    assert (await admin.submit("/operations/rebuild/", {"why": "a wrong row"})).status == 303

    async def is_recorded() -> bool:
        return len(await record(psql)) == 2

    await eventually(is_recorded)
    started, ended = await record(psql)
    assert started == ("grace", "rebuild", "rooms", "a wrong row")
    assert ended[:2] == ("grace", "rebuilt")
    assert ended[2].startswith("rooms at position 4, 4 events in ")
    assert (await verify(create_fold(), database_url, unseen)).differences == []


def unseen(_: Progress) -> None:
    """Ignore progress."""


async def test_a_second_rebuild_is_refused_and_the_first_is_seen_and_cancelled_from_any_process(
    ada: Person, admin: Person, psql: asyncpg.Connection, database_url: str
) -> None:
    await messages(ada, "one", "two")

    async def is_interrupted() -> bool:
        return "Rebuild interrupted" in await text_of(admin)

    async def its_end_is_recorded() -> bool:
        return (await record(psql))[-1][1] == "stopped"

    async with a_reader_in_a_table(psql):
        assert (await admin.submit("/operations/rebuild/", WHY)).status == 303
        assert "Rebuild rebuilding" in await text_of(admin)
        refused = await admin.submit("/operations/rebuild/", WHY)
        assert (refused.status, "Not started: another rebuild is running." in words(refused.raw)) == (409, True)
        assert (await admin.submit("/operations/cancel-rebuild/", {"why": "not now"})).status == 303
        await eventually(is_interrupted)
        await eventually(its_end_is_recorded)

        elsewhere = asyncio.create_task(rebuild(create_fold(), database_url, unseen))
        await eventually(lambda: is_rebuilding(admin))
        assert (await admin.submit("/operations/cancel-rebuild/", {"why": "nor then"})).status == 303
        await asyncio.wait([elsewhere])
        assert elsewhere.exception() is not None
        await eventually(is_interrupted)
    did = [(action, subject, why) for _, action, subject, why in await record(psql)]
    assert did == [
        ("rebuild", "rooms", "planned"),
        ("cancel", "rebuild of rooms", "not now"),
        ("stopped", "rebuild of rooms, its connection ended", "planned"),
        ("cancel", "rebuild of rooms", "nor then"),
    ]
    assert (await verify(create_fold(), database_url, unseen)).differences == []


async def is_rebuilding(admin: Person) -> bool:
    return "Rebuild rebuilding" in await text_of(admin)


@pytest.mark.parametrize(("restart", "folded"), [("", 2), ("yes", 7)])
async def test_an_interrupted_rebuild_is_resumed_or_restarted(
    ada: Person,
    admin: Person,
    psql: asyncpg.Connection,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    restart: str,
    folded: int,
) -> None:
    monkeypatch.setattr("replay.rebuild.fold.PAGE", 5)
    monkeypatch.setattr("replay.rebuild.rebuild.NEAR", 2)
    await messages(ada, *"12345")

    class Stop(Exception):
        """As if an operator pressed Ctrl-C."""

    def stop(progress: Progress) -> None:
        if progress.done:
            raise Stop

    with pytest.raises(Stop):
        await rebuild(create_fold(), database_url, stop)
    assert "Rebuild interrupted" in await text_of(admin)
    assert (await admin.submit("/operations/rebuild/", {"restart": restart, **WHY})).status == 303

    async def is_recorded() -> bool:
        return (await record(psql))[-1][2].startswith(f"rooms at position 7, {folded} events in ")

    await eventually(is_recorded)


async def test_a_rebuild_that_could_not_end_is_refused_and_says_why(
    ada: Person, admin: Person, psql: asyncpg.Connection
) -> None:
    await messages(ada, "one")
    await psql.execute("CREATE VIEW report AS SELECT count(*) FROM messages")
    refused = await admin.submit("/operations/rebuild/", WHY)
    assert (refused.status, "view report" in refused.raw.decode()) == (409, True)


async def test_a_server_that_stops_lets_go_of_its_rebuild(
    start_server: StartServer, visit: Visit, psql: asyncpg.Connection, database_url: str
) -> None:
    server = await start_server()
    admin = await promoted(await visit("grace", at=server), server)
    await messages(admin, "one")
    async with a_reader_in_a_table(psql):
        assert (await admin.submit("/operations/rebuild/", WHY)).status == 303
        await server.close()
    assert (await rebuild(create_fold(), database_url, unseen)).position == 3


async def set_aside(psql: asyncpg.Connection, room: str, position: int) -> None:
    await psql.execute(
        "INSERT INTO dead_letters (lane, position, room_id, version, reason) VALUES (0, $1, $2, $1, 'too large')",
        position,
        room,
    )


async def test_a_dead_letter_is_looked_at_and_published_after_all(
    start_server: StartServer, visit: Visit, psql: asyncpg.Connection
) -> None:
    server = await start_server(fanout="no")
    ada, admin = await visit("ada", at=server), await promoted(await visit("grace", at=server), server)
    room = await messages(ada, "the words of a message")
    async with listening(ada) as to_ada:
        await set_aside(psql, room, 3)
        assert "Dead letter 1" in await text_of(admin)
        letter = await text_of(admin, "/operations/dead-letters/1/")
        for shown in ("Reason too large", "Event ada said something, 22 characters", "Room General , version 3"):
            assert shown in letter
        assert "the words" not in letter
        refused = await admin.submit("/operations/dead-letters/1/retry/", {"why": " "})
        assert (refused.status, to_ada.publications) == (400, [])
        assert (await admin.submit("/operations/dead-letters/1/retry/", {"why": "larger now"})).status == 303
        assert (await to_ada.until(1))[0]["body"]["content"] == "the words of a message"
    assert await record(psql) == [("grace", "retry", "dead letter 1", "larger now")]
    assert "No dead letters." in await text_of(admin)
    for path in ("", "retry/", "discard/"):
        send = admin.submit if path else admin.get
        assert (await send(f"/operations/dead-letters/1/{path}")).status == 404


async def test_a_dead_letter_is_given_up_for_a_reason(ada: Person, admin: Person, psql: asyncpg.Connection) -> None:
    await set_aside(psql, await messages(ada, "one"), 3)
    assert (await admin.submit("/operations/dead-letters/1/discard/")).status == 400
    assert (await admin.submit("/operations/dead-letters/1/discard/", {"why": "seen by all"})).status == 303
    assert await record(psql) == [("grace", "discard", "dead letter 1", "seen by all")]


async def test_a_dead_letter_stays_when_the_server_is_away(
    start_server: StartServer, visit: Visit, psql: asyncpg.Connection
) -> None:
    server = await start_server(centrifugo_api_url="http://127.0.0.1:1/api", fanout="no", cold_after="never")
    admin = await promoted(await visit("grace", at=server), server)
    await set_aside(psql, await messages(admin, "one"), 3)
    refused = await admin.submit("/operations/dead-letters/1/retry/", WHY)
    assert (refused.status, "It is safe to try again." in words(refused.raw)) == (503, True)
    assert "Dead letter 1" in await text_of(admin)
    assert await record(psql) == []


@pytest.mark.parametrize("kind", KINDS)
async def test_admins_who_watch_get_the_figures_and_no_other_user_does(
    kind: Kind, start_server: StartServer, visit: Visit, tmp_path: Path
) -> None:
    folder = tmp_path / "realtime"
    folder.mkdir()
    with realtime.running(kind, folder, realtime.configuration()) as hub:
        server = await start_server(
            centrifugo_api_url=hub.api_url,
            centrifugo_api_key=realtime.API_KEY,
            centrifugo_token_secret=realtime.SECRET,
        )
        admin = await promoted(await visit("grace", at=server), server)
        async with listening(admin, CHANNEL, at=hub.websocket_url) as watcher:
            assert "recoverable" not in watcher.subscribed
            room = await admin.open_room("General")
            await admin.post(f"/api/rooms/{room}/messages/", {"content": "one"})

            def at_three(figures: dict[str, Any]) -> bool:
                return bool(figures["body"]["position"] == 3 and figures["body"]["projections"][1]["checkpoint"] == 3)

            count = 1
            while not at_three((await watcher.until(count))[-1]):
                count += 1
        assert {publication["type"] for publication in watcher.publications} == {"operations_figures"}
        assert hub.call("history", channel=f"personal:{admin.user['id']}", limit=10)["offset"] <= 2


async def test_processes_take_turns_and_are_silent_while_no_admin_can_be_watching(
    store: Store, psql: asyncpg.Connection, settings: Settings
) -> None:
    kept = {"name": "operations", "history_size": 100, "history_ttl": "1h"}
    hub = Hub(configuration.load({"channel": {"namespaces": [kept]}}, {}))

    def publications() -> int:
        return len(hub.read_history(CHANNEL, limit=-1)[1])

    watches = [
        create_figures_publisher(store.database, create_sampler(settings, store), EmbeddedPublisher(hub))
        for _ in range(3)
    ]
    tasks = [asyncio.create_task(watch.run()) for watch in watches]
    began = await psql.fetchval("SELECT clock_timestamp()")
    await watches[0].expect_watcher()

    async def are_three() -> bool:
        return publications() >= 3

    await eventually(are_three)
    seconds = await psql.fetchval("SELECT extract(epoch FROM clock_timestamp() - $1)::float8", began)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert publications() <= seconds / 0.9 + 1
    count = publications()
    await psql.execute("UPDATE operations_watch SET watched_until = now(), told_at = '-infinity'")
    await watches[0].publish_once()
    assert publications() == count
