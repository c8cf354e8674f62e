"""Publishing again: what it sends, to whom, and what it leaves alone."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from click.testing import CliRunner, Result

from api.settings import Settings
from api.wiring import create_republishing
from centrifugo.hub.configuration import loading as configuration
from centrifugo.hub.hub import Hub
from centrifugo.hub.server_api import http_api
from cli.main import main
from domain.room.membership import JoinRoom, LeaveRoom
from domain.room.messages import PostMessage
from domain.values import RoomId
from eventstore.values import Position
from projections.fanout.republish import Republishing, Selection
from tests.integration.conftest import StartServer, Visit
from tests.support.given_when_then import ADA, BOB, EVE
from tests.support.lanes_under_test import Server, published_to, publishing
from tests.support.listening import listening
from tests.support.store import Store

SECRETS = {
    "CENTRIFUGO_API_KEY": "5d0c7f2f0e3f4e6c8a1b9d7e6f5a4b3c",
    "CENTRIFUGO_TOKEN_SECRET": "a94a8fe5ccb19ba61c4c0873d391e987",
}


@pytest.fixture
async def room_id(store: Store) -> RoomId:
    """Positions: 1 opened, 2 ada in, 3 bob in, 4 eve in, 5 "hello", 6 bob out, 7 "still here", 8 eve out, 9 eve in."""
    room_id = await store.open_room(by=ADA)
    await store.chat.join_all(room_id, [BOB, EVE])
    await store.chat.post_message(PostMessage(room_id, ADA, "hello"))
    await store.chat.leave_room(LeaveRoom(room_id, BOB))
    await store.chat.post_message(PostMessage(room_id, ADA, "still here"))
    await store.chat.leave_room(LeaveRoom(room_id, EVE))
    await store.chat.join_room(JoinRoom(room_id, EVE))
    return room_id


def republishing(store: Store, *, all_warm: bool = True) -> Republishing:
    return create_republishing(Settings(cold_after="never" if all_warm else "24h"), store)


def positions_between(first: int, last: int, **of: Any) -> Selection:
    return Selection(Position(first), Position(last), **of)


async def test_those_who_are_still_there_get_the_same_again_and_a_leaver_their_leaving(
    store: Store, room_id: RoomId, database_url: str
) -> None:
    before, again = Server(), Server()
    async with publishing(database_url, store, before):
        await published_to(database_url, 9)
    total = await republishing(store).publish(positions_between(1, 9), again)
    assert [{**told, "log": ""} for told in again.published(ADA)] == [
        {**told, "log": ""} for told in before.published(ADA)
    ]
    assert again.positions(BOB) == [6]
    assert again.positions(EVE) == [9]
    assert (total.events, total.channels) == (8, 10)
    assert sorted(key for call in again.calls for key in call) == sorted(key for call in before.calls for key in call)


async def test_a_selection_is_a_range_of_one_room_or_one_user(store: Store, room_id: RoomId) -> None:
    other = await store.open_room("Other", by=ADA)
    for selection, expected in (
        (positions_between(5, 7), [5, 6, 7]),
        (positions_between(1, 99, room_id=other), [11]),
        (positions_between(1, 99, user_id=EVE), []),
        (positions_between(2, 3, user_id=ADA), [2, 3]),
    ):
        server = Server()
        await republishing(store).publish(selection, server)
        assert server.positions(ADA) == expected, selection


async def test_who_cannot_be_listening_is_left_out(store: Store, room_id: RoomId) -> None:
    await store.database.execute("INSERT INTO leases (user_id, warm_until) VALUES (1, now() + interval '1 hour')")
    await store.database.execute("INSERT INTO leases (user_id, warm_until, is_paused) VALUES (3, now(), true)")
    server = Server()
    await republishing(store, all_warm=False).publish(positions_between(1, 9), server)
    assert (server.positions(ADA), server.positions(EVE)) == ([2, 3, 4, 5, 6, 7, 8, 9], [])


async def test_a_dry_run_tells_the_same_and_publishes_nothing(store: Store, room_id: RoomId) -> None:
    total = await republishing(store).dry_run(positions_between(1, 9))
    assert (total.events, total.channels) == (8, 10)


Run = Callable[..., Awaitable[Result]]


@pytest.fixture
async def hub() -> Hub:
    document = {"http_api": {"key": SECRETS["CENTRIFUGO_API_KEY"]}, "channel": {"namespaces": [HISTORY]}}
    return Hub(configuration.load(document, {}))


HISTORY = {"name": "personal", "history_size": 100, "history_ttl": "1h"}


@pytest.fixture
async def onrecord(hub: Hub, database_url: str, tmp_path: Any) -> AsyncIterator[Run]:
    """Runs a command while a server of the real-time API is up."""
    app = web.Application()
    app.add_routes(http_api.routes(hub))
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    environment = {
        "DATABASE_URL": database_url,
        "DATA_DIR": str(tmp_path),
        "CENTRIFUGO_API_URL": f"http://127.0.0.1:{runner.addresses[0][1]}/api",
        "COLD_AFTER": "never",
        **SECRETS,
    }

    async def run(*arguments: str, **changes: str) -> Result:
        return await asyncio.to_thread(CliRunner(env={**environment, **changes}).invoke, main, list(arguments))

    yield run
    await runner.cleanup()


def positions(hub: Hub, user_id: int) -> list[int]:
    _, items = hub.read_history(f"personal:{user_id}", limit=-1)
    return [json.loads(b"{" + publication.body + b"}")["data"]["position"] for _, publication in items]


async def test_the_command_shows_a_preview_first_and_publishes_with_a_reason(
    onrecord: Run, hub: Hub, store: Store, room_id: RoomId
) -> None:
    told = await onrecord("fanout", "replay", "--from", "1", "--to", "9")
    assert (told.exit_code, told.stdout) == (0, "would publish 8 events, 10 publications channel by channel\n")
    assert positions(hub, ADA) == []
    for wrong in (("--to", "9", "--publish"), ("--to", "0"), ("--from", "3", "--to", "2")):
        assert (await onrecord("fanout", "replay", "--from", "1", *wrong)).exit_code == 2
    done = await onrecord(
        "fanout", "replay", "--from", "5", "--to", "7", "--publish", "--why", "a restart", "--by", "grace"
    )
    assert (done.exit_code, done.stdout) == (0, "published 3 events, 4 publications channel by channel\n")
    assert positions(hub, ADA) == [5, 6, 7]
    listed = await onrecord("actions", "--json")
    action = json.loads(listed.stdout)
    assert (action["who"], action["action"], action["why"]) == ("grace", "replay", "a restart")
    nowhere = await onrecord(
        "fanout", "replay", "--from", "1", "--to", "9", "--publish", "--why", "x", CENTRIFUGO_API_URL=""
    )
    assert (nowhere.exit_code, nowhere.stderr.count("\n")) == (1, 1)
    assert nowhere.stderr.startswith("Error: no server to publish to: CENTRIFUGO_API_URL is not set, and no `onrecord")


async def test_dead_letters_are_tried_again_or_given_up_for_a_reason(
    onrecord: Run, hub: Hub, store: Store, room_id: RoomId
) -> None:
    await store.database.execute(
        "INSERT INTO dead_letters (lane, position, room_id, version, reason)"
        " SELECT 0, position, $1, position, 'too large' FROM unnest(ARRAY[5, 7]) AS position",
        room_id,
    )
    retried = await onrecord("fanout", "dead-letters", "retry", "1", "--why", "larger now")
    assert (retried.exit_code, retried.stdout) == (0, "published, channels: 1\n")
    assert positions(hub, ADA) == [5]
    discarded = await onrecord("fanout", "dead-letters", "discard", "2", "--why", "seen by all")
    assert discarded.exit_code == 0
    assert (await onrecord("fanout", "dead-letters", "list")).exit_code == 0
    assert (await onrecord("fanout", "dead-letters", "retry", "2", "--why", "again")).exit_code == 1
    listed = (await onrecord("actions", "--json")).stdout.splitlines()
    assert [json.loads(line)["action"] for line in listed] == ["retry", "discard"]
    assert "dead letter 2: seen by all" in (await onrecord("actions")).stdout


async def test_commands_reach_the_hub_of_a_server_that_runs_with_the_same_data(
    database_url: str, tmp_path: Path, visit: Visit, start_server: StartServer
) -> None:
    server = await start_server(fanout="no")  # so that what arrives was published by a command
    ada = await visit("ada", at=server)
    room = await ada.open_room("Engines")
    assert (await ada.post(f"/api/rooms/{room}/messages/", {"content": "hello"})).status == 201

    async def onrecord(*arguments: str, **changes: str) -> Result:
        environment = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path), **changes}
        return await asyncio.to_thread(CliRunner(env=environment).invoke, main, list(arguments))

    publish = ("fanout", "replay", "--from", "1", "--to", "3", "--publish", "--why", "the hub was restarted")
    async with listening(ada) as listener:
        wrong = await onrecord(*publish, CENTRIFUGO_API_KEY="7" * 32)
        assert (wrong.exit_code, "HTTP 401" in wrong.stderr) == (1, True)
        assert (await onrecord(*publish)).exit_code == 0
        assert [publication["position"] for publication in await listener.until(2)] == [2, 3]
    assert (tmp_path / "hub.sock").stat().st_mode & 0o777 == 0o600
    assert (await ada.post("/api/publish", {})).status == 404  # nowhere else
    await server.close()
    assert (await onrecord(*publish)).stderr.startswith("Error: no server to publish to")
