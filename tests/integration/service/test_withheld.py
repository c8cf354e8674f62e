"""A base backup brings erased words back under running servers: nothing lets them out until they are erased again."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import aiohttp
import asyncpg
import pytest
from click.testing import CliRunner, Result

from cli.main import main
from postgres.embedded import EmbeddedPostgres
from tests.support.base_backup import BaseBackup
from tests.support.conditions import eventually
from tests.support.killable_processes import App
from tests.support.lanes_under_test import published_to
from tests.support.people import Person
from tests.support.realtime import server as realtime

SECRET, WHY = "a telephone number", "asked for in letter 17"

SHOWING = [
    ["room", "list"],
    ["room", "show", "{room}"],
    ["events", "list"],
    ["events", "search", SECRET],
    ["events", "tail"],
    ["events", "show", "1"],
    ["events", "export", "{file}"],
    ["user", "list"],
    ["actions"],
    ["hold", "list"],
    ["projections", "verify"],
    ["fanout", "replay", "--from", "1", "--to", "100"],
]
"""Commands that show what people typed, or names."""

HAVE_LOOKED = """
SELECT count(*) > (SELECT count(*) FROM fanout_lanes) AND bool_and(query_start > $1 AND state = 'idle')
FROM pg_stat_activity WHERE application_name = 'onrecord fan-out'
"""
"""Whether all lanes are held and have looked at their rows since. Each process has one more connection of that name."""

WITHHELD = "Error: words that were erased may be in the database again: see `onrecord audit reapply`\n"


@dataclass
class Listener:
    """A connection to the real-time server, subscribed to a person's channel: keeps all that comes."""

    person: Person
    url: str
    frames: list[str] = field(default_factory=list)

    async def listen(self) -> None:
        """Receive until the connection ends."""
        channel = f"personal:{self.person.user['id']}"
        connection = (await self.person.get("/api/token/connection/")).body["token"]
        subscription = (await self.person.get(f"/api/token/subscription/?channel={channel}")).body["token"]
        commands = [
            {"id": 1, "connect": {"token": connection}},
            {"id": 2, "subscribe": {"channel": channel, "token": subscription}},
        ]
        async with aiohttp.ClientSession() as session, session.ws_connect(self.url) as socket:
            for command in commands:
                await socket.send_str(json.dumps(command))
            async for message in socket:
                if message.data == "{}":
                    await socket.send_str("{}")
                self.frames.append(str(message.data))

    def has(self, text: str) -> bool:
        return any(text in frame for frame in self.frames)


@dataclass(frozen=True)
class Service:
    """Servers, their database, and two people in a room; one of them listens."""

    postgres: EmbeddedPostgres
    backup: BaseBackup
    apps: list[App]
    environment: dict[str, str]
    ada: Person
    bob: Person
    listener: Listener
    realtime: realtime.Server | None

    async def onrecord(self, *arguments: str, code: int = 0) -> Result:
        result = await asyncio.to_thread(CliRunner(env=self.environment).invoke, main, list(arguments))
        assert result.exit_code == code, result.output
        return result

    async def pause(self) -> None:
        """Pause the fan-out; return when no lane publishes any more."""
        await self.onrecord("fanout", "pause", "--why", WHY)
        await self.lanes_have_looked()

    async def lanes_have_looked(self, times: int = 1) -> None:
        """Return when all lanes are held and have looked at their rows so many times from now on."""
        connection = await asyncpg.connect(self.postgres.dsn)
        for _ in range(times):
            since = await connection.fetchval("SELECT clock_timestamp()")

            async def have_looked(since: object = since) -> bool:
                return bool(await connection.fetchval(HAVE_LOOKED, since))

            await eventually(have_looked)
        await connection.close()

    async def remembered(self) -> str:
        """What the real-time server would give to one who comes back."""
        if self.realtime is not None:
            return json.dumps(self.realtime.call("history", channel=f"personal:{self.bob.user['id']}", limit=-1))
        return ""


@pytest.fixture(params=["embedded hub", *realtime.KINDS[1:]])
async def service(
    request: pytest.FixtureRequest, own_postgres: EmbeddedPostgres, postgres_folder: Path, tmp_path: Path
) -> AsyncIterator[Service]:
    environment = {"DATABASE_URL": own_postgres.dsn, "DATA_DIR": str(tmp_path / "data"), "COLD_AFTER": "never"}
    async with AsyncExitStack() as running:
        server, websocket_url = None, None
        if request.param != "embedded hub":
            server = running.enter_context(realtime.running(request.param, tmp_path, realtime.configuration()))
            environment.update(server.app_environment)
            websocket_url = server.websocket_url
        apps = [App(f"app {number}", environment) for number in range(1 if websocket_url is None else 2)]
        for app in apps:
            running.push_async_callback(app.kill)
            await app.start()
        ada, bob = [await running.enter_async_context(Person(apps[0].url)) for _ in range(2)]
        await ada.sign_up("ada")
        await bob.sign_up("bob")
        listener = Listener(bob, websocket_url or realtime.websocket_url(apps[0].port))
        task = asyncio.create_task(listener.listen())
        yield Service(
            own_postgres,
            BaseBackup(own_postgres, postgres_folder, tmp_path / "backup"),
            apps,
            environment,
            ada,
            bob,
            listener,
            server,
        )
        task.cancel()
        await asyncio.wait([task])


@pytest.mark.parametrize("saw_more", [True, False])
async def test_words_that_a_backup_brings_back_under_running_servers_go_nowhere_until_they_are_erased_again(
    service: Service, tmp_path: Path, saw_more: bool
) -> None:
    """`saw_more`: a server remembers an event that is lost. Without it, none knows that the log went back."""
    ada, listener = service.ada, service.listener
    room = await ada.open_room("General")
    await service.bob.post(f"/api/rooms/{room}/join/", {})
    await eventually(lambda: _true(listener.has("user_joined")))
    await service.pause()
    assert (await ada.post(f"/api/rooms/{room}/messages/", {"content": SECRET})).body["id"] == 4
    await service.backup.take()
    await service.onrecord("message", "erase", room, "4", "--why", WHY, "--yes")
    if saw_more:
        await ada.post(f"/api/rooms/{room}/messages/", {"content": "lost"})

    answers: list[tuple[int, bytes]] = []
    paths = (f"/api/rooms/{room}/messages/", f"/api/search/messages/?q={quote(SECRET)}")
    asking = asyncio.create_task(_ask(service, paths, answers))
    await service.backup.restore()
    await service.onrecord("fanout", "resume", "--why", WHY)

    async def is_withheld() -> bool:
        return {status for status, _ in answers[-8:]} == {503} and b"content_withheld" in answers[-1][1]

    await eventually(is_withheld)
    for words in SHOWING:
        arguments = [word.format(room=room, file=tmp_path / "export.jsonl") for word in words]
        refused = await service.onrecord(*arguments, code=1)
        assert (refused.stdout, WITHHELD in refused.stderr) == ("", True), arguments
    status = await service.onrecord("audit", "status")
    assert "withheld  words that were erased may be in the database again" in status.stdout
    assert SECRET not in status.stdout
    checkpoint = await ada.request("GET", "/audit/1/checkpoint")
    assert checkpoint.status in (200, 404), "the tree is served, as far as the backup has it"
    await service.onrecord("projections", "rebuild", "--why", WHY)
    await service.lanes_have_looked(4)
    assert not listener.has(SECRET)
    assert SECRET not in await service.remembered()

    await service.onrecord("audit", "reapply", "--why", "the backup was restored", "--yes")
    await eventually(lambda: _are_ready(service.apps))
    assert "withheld" not in (await service.onrecord("audit", "status")).stdout
    shown = (await ada.get(f"/api/rooms/{room}/messages/")).body["results"]
    assert [message["erased"]["why"] for message in shown] == ["the backup was restored"]
    position = (await ada.post(f"/api/rooms/{room}/messages/", {"content": "afterwards"})).position
    await published_to(service.postgres.dsn, position)
    await eventually(lambda: _true(listener.has("afterwards")))
    asking.cancel()
    await asyncio.wait([asking])
    assert not listener.has(SECRET)
    assert SECRET not in await service.remembered()
    assert not [status for status, raw in answers if SECRET.encode() in raw]
    for words in SHOWING[:4]:
        code = 1 if words[1] == "search" else 0
        assert SECRET not in (await service.onrecord(*[word.format(room=room) for word in words], code=code)).stdout


async def _ask(service: Service, paths: Sequence[str], answers: list[tuple[int, bytes]]) -> None:
    """Ask all servers for what may hold words, again and again."""
    while True:
        for app, path in itertools.product(service.apps, paths):
            with contextlib.suppress(aiohttp.ClientError):
                answer = await service.ada.request("GET", f"{app.url}".rstrip("/") + path)
                answers.append((answer.status, answer.raw))
        await asyncio.sleep(0.02)


async def _are_ready(apps: list[App]) -> bool:
    async with aiohttp.ClientSession() as session:
        return {(await session.get(f"{app.url}readyz")).status for app in apps} == {200}


async def _true(value: bool) -> bool:
    return value
