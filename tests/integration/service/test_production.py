"""The service as docker-compose.yml wires it, without Docker: used through the proxy, while its parts die."""

import asyncio
import itertools
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.support.conditions import eventually
from tests.support.people import Person
from tests.support.production_stack import Rehearsal, needs_servers, rehearsing
from tests.support.realtime.official import PythonClient

pytestmark = needs_servers


@pytest.fixture
async def production() -> AsyncIterator[Rehearsal]:
    async with rehearsing() as rehearsal:
        await rehearsal.up()
        yield rehearsal


@pytest.fixture
async def people(production: Rehearsal) -> AsyncIterator[tuple[Person, Person]]:
    async with AsyncExitStack() as visits:
        ada, bob = [await visits.enter_async_context(Person(production.url)) for _ in range(2)]
        await ada.sign_up("ada")
        await bob.sign_up("bob")
        yield ada, bob


class Conversation:
    """What ada said, room by room in turn, and what bob heard of it on his channel, through the proxy."""

    def __init__(self, ada: Person, bob: Person, rooms: list[str]) -> None:
        self._ada = ada
        self._bob = bob
        self._rooms = itertools.cycle(rooms)
        self.said: list[str] = []
        self.heard: list[str] = []

    async def say(self) -> None:
        """Post, and repeat with the same key for as long as the outcome is unknown."""
        content, room = str(len(self.said)), next(self._rooms)

        async def is_said() -> bool:
            key = {"Idempotency-Key": content}
            answer = await self._ada.post(f"/api/rooms/{room}/messages/", {"content": content}, headers=key)
            assert answer.status == 201 or answer.body["code"] == "outcome_unknown", answer.raw
            return answer.status == 201

        await eventually(is_said)
        self.said.append(content)

    async def goes_on(self) -> bool:
        """Say something more, and tell whether all before it arrived; never in another order, with gaps or twice.

        Only with a later publication does a client notice at once what Redis lost while it came back.
        """
        before = list(self.said)
        await self.say()
        assert self.heard == self.said[: len(self.heard)]
        return len(self.heard) >= len(before)

    async def listen(self) -> None:
        """Hear, with Centrifugo's own client, until cancelled."""
        channel = f"personal:{self._bob.user['id']}"
        client = await PythonClient.start()
        try:
            url = self._bob.url.with_scheme("ws") / "connection/websocket"
            await client.connect(str(url), tokens=[await self._token("connection/")])
            await client.subscribe(channel, tokens=[await self._token(f"subscription/?channel={channel}")])
            while True:
                (event,) = await client.publications(1)
                if event["type"] == "message_added":
                    self.heard.append(event["body"]["content"])
        finally:
            await client.close()

    async def _token(self, path: str) -> str:
        return str((await self._bob.get(f"/api/token/{path}")).body["token"])


async def test_what_is_said_arrives_once_and_in_order_whichever_part_dies(
    production: Rehearsal, people: tuple[Person, Person]
) -> None:
    ada, bob = people
    rooms = [await ada.open_room(f"Room {number}") for number in range(4)]  # some belong to either process
    for room in rooms:
        assert (await bob.post(f"/api/rooms/{room}/join/")).status == 200
    talk = Conversation(ada, bob, rooms)
    listening = asyncio.create_task(talk.listen())
    for name in ("app-1", "app-2", "centrifugo", "redis"):
        await production.stop(name, signal.SIGKILL)
        for _ in rooms:
            await talk.say()
        await production.start(name)
        await eventually(talk.goes_on)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def test_the_proxy_keeps_operations_to_itself_and_answers_for_those_who_are_away(
    production: Rehearsal, people: tuple[Person, Person]
) -> None:
    ada, _ = people
    assert (await ada.get("/healthz")).status == 200
    for path in ("/metrics", "/readyz"):
        assert (await ada.get(path)).body == {"detail": "Not found."}
        async with ada.http.get(production.at("app-1:9000").with_path(path)) as answer:
            assert answer.status == 200
    for body, status in ((b"0" * 100_000, 413), (b"0" * 2_000_000, 413)):
        refused = await ada.post("/api/rooms/", raw=body)
        assert (refused.status, list(refused.body)) == (status, ["detail"])
    for name in ("app-1", "app-2"):
        await production.stop(name)
    away = await ada.get("/api/rooms/")
    assert (away.status, away.headers["Retry-After"], away.body["code"]) == (503, "1", "outcome_unknown")
    await production.start("app-1")

    async def is_back() -> bool:
        return (await ada.get("/api/rooms/")).status == 200

    await eventually(is_back)


async def test_the_application_sees_the_client_and_its_scheme_through_the_proxy(
    production: Rehearsal, people: tuple[Person, Person]
) -> None:
    ada, _ = people
    plain = await ada.get("/api/csrf/")
    assert list(plain.cookies) == ["csrftoken"]
    secure = await ada.get("/api/csrf/", headers={"X-Forwarded-Proto": "https"})
    assert list(secure.cookies) == ["__Host-csrftoken", "__Host-visitor"]
    for number in range(101):
        await ada.open_room(f"Room {number}")
    assert (await ada.get("/api/rooms/")).body["next"] == f"{production.url}/api/rooms/?page=2"


async def test_a_room_is_handled_by_one_process(production: Rehearsal, people: tuple[Person, Person]) -> None:
    ada, _ = people
    rooms = [await ada.open_room(f"Room {number}") for number in range(20)]

    async def answered(name: str) -> float:
        """Requests for any room, of its page or of the API, that a process has answered."""
        async with ada.http.get(production.at(f"{name}:9000") / "metrics") as answer:
            lines = [line for line in (await answer.text()).splitlines() if "requests_total{" in line]
        return sum(float(line.split()[-1]) for line in lines if "/rooms/{room_id}/" in line)

    for room in rooms:
        before = [await answered(name) for name in ("app-1", "app-2")]
        for path in (f"/api/rooms/{room}/", f"/api/rooms/{room}/messages/", f"/rooms/{room}/"):
            assert (await ada.get(path)).status == 200
        after = [await answered(name) for name in ("app-1", "app-2")]
        assert sorted(now - then for now, then in zip(after, before, strict=True)) == [0, 3]
    assert all([await answered(name) for name in ("app-1", "app-2")])
