"""An open page: loaded once, then kept in step by publications, as a client library must."""

import asyncio
import json
import random
from collections.abc import Sequence
from typing import Any

import aiohttp
from yarl import URL

from tests.support.people import Answer, Person

AWAY = (aiohttp.ClientError, OSError)
RETRY_S = 0.1
FEED_LIMIT = 500
LOOK_S = 1.0

Event = dict[str, Any]


class Browser:
    """A signed-in user whose requests go to any process that answers."""

    def __init__(self, person: Person, urls: Sequence[URL], chance: random.Random) -> None:
        self.person = person
        self._urls = urls
        self._chance = chance

    @property
    def user_id(self) -> int:
        return int(self.person.user["id"])

    async def get(self, path: str) -> Answer:
        """The response of a healthy process: 200, or an intended refusal."""
        return await self.until_answered("GET", path)

    async def post(self, path: str, body: Any, *, key: str) -> Answer:
        """Repeat the request with the same key until the outcome is known."""
        return await self.until_answered("POST", path, body, headers={"Idempotency-Key": key})

    async def until_answered(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        while True:
            url = self._chance.choice(self._urls)
            try:
                answer = await self.person.request(method, f"{url}".rstrip("/") + path, body, **options)
            except AWAY:
                answer = None
            if answer is not None and answer.status != 503:
                return answer
            await asyncio.sleep(RETRY_S)


class LogRestarted(Exception):
    """The log went back, and with it what the page shows."""


def as_last(message: dict[str, Any]) -> dict[str, Any]:
    """A message as room lists show it."""
    shown = ("id", "content", "user", "created_at", "erased", "retracted")
    return {name: message[name] for name in shown if name in message}


def with_reactions(message: dict[str, Any], reactions: list[Any]) -> dict[str, Any]:
    """The message with these reactions; without any, it has no such field."""
    rest = {name: value for name, value in message.items() if name != "reactions"}
    return rest | {"reactions": reactions} if reactions else rest


def source_of(place: str) -> str:
    """Who gave a place in the log: its newest stands for those before."""
    return place.partition("-")[0]


class LivePage:
    """Rooms and messages as one person sees them, from one WebSocket after another.

    `arrivals` holds what each connection delivered, by the epoch of the channel's history; `caught_up_at` the offsets
    up to which a history with a pause in it was recovered: what was left out before may lie on both sides of the pause.
    When the log went back, the page begins again with nothing, and both are counted from there.
    """

    def __init__(self, browser: Browser, websocket_url: URL) -> None:
        self.browser = browser
        self._websocket_url = websocket_url
        self._channel = f"personal:{browser.user_id}"
        self._position = 0  # everything up to here is shown
        self._places: list[str] = []  # in the log, as the feed and publications say: the newest from each source
        self._offset, self._epoch = 0, ""
        self.rooms: dict[str, dict[str, Any]] = {}
        self.messages: dict[str, dict[int, Any]] = {}
        self.arrivals: dict[str, list[tuple[int, Event]]] = {}
        self.caught_up_at: dict[str, set[int]] = {}
        self.recovered = self.caught_up = self.paused = self.restarted = 0
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._is_awake = asyncio.Event()
        self._is_awake.set()
        self._is_stale = False

    @property
    def history(self) -> str:
        """The history of the channel that this page follows, since it was loaded."""
        return f"{self._epoch} {self.restarted}"

    async def run(self) -> None:
        """Stay connected, while awake, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_looking())
            while True:
                await self._is_awake.wait()
                await self._follow_one_connection()
                await asyncio.sleep(RETRY_S)

    async def _follow_one_connection(self) -> None:
        try:
            async with self.browser.person.http.ws_connect(self._websocket_url) as self._socket:
                socket = self._socket
                await self._greet(socket)
                async for message in socket:
                    for line in message.data.splitlines():
                        await self._hear(json.loads(line), socket)
        except LogRestarted:
            self._is_stale = True
        except AWAY:
            pass
        if self._is_stale:
            self._begin_again()

    def _begin_again(self) -> None:
        self.restarted += 1
        self._position, self._places = 0, []
        self._offset, self._epoch = 0, ""
        self.rooms, self.messages = {}, {}
        self._is_stale = False

    async def _keep_looking(self) -> None:
        """Ask whether the page's place is still in the log, as client libraries do whenever their token runs out."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self._is_awake.wait()
            if self._places:
                try:
                    await self._read(f"/api/feed/?after={self._position}&limit=1")
                except LogRestarted:
                    self._is_stale = True
                    await self.disconnect()

    async def disconnect(self) -> None:
        """Lose the connection, as when driving through a tunnel."""
        if self._socket is not None:
            await self._socket.close()

    async def sleep(self) -> None:
        """Lose the connection and do not reconnect, not even with a token that is still valid."""
        self._is_awake.clear()
        await self.disconnect()

    def wake(self) -> None:
        self._is_awake.set()

    async def _greet(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        subscription: dict[str, Any] = {
            "channel": self._channel,
            "token": (await self._read(f"/api/token/subscription/?channel={self._channel}")).body["token"],
        }
        if self._epoch:
            subscription.update(recover=True, offset=self._offset, epoch=self._epoch)
        connect = {"id": 1, "connect": {"token": (await self.browser.get("/api/token/connection/")).body["token"]}}
        if self._is_awake.is_set():
            await socket.send_str(json.dumps(connect) + "\n" + json.dumps({"id": 2, "subscribe": subscription}))
        else:
            await socket.close()

    async def _read(self, path: str) -> Answer:
        """Ask for what depends on the page's place in the log. Raises LogRestarted where that is no longer there."""
        places = self._places
        answer = await self.browser.get(path + "".join(f"&log={place}" for place in places))
        if answer.status == 409:
            assert answer.body["code"] == "log_restarted", answer.raw
            raise LogRestarted
        if answer.status == 200 and places:  # the newest of those that were asked about stands for them all
            self._places = [places[-1], *(place for place in self._places if place not in places)]
        return answer

    async def _hear(self, reply: dict[str, Any], socket: aiohttp.ClientWebSocketResponse) -> None:
        if not reply:
            await socket.send_str("{}")
        elif "error" in reply:
            await socket.close()
        elif "subscribe" in reply:
            await self._subscribed(reply["subscribe"])
        elif "pub" in reply.get("push", {}):
            await self._published(reply["push"]["pub"])

    async def _subscribed(self, result: dict[str, Any]) -> None:
        is_first = not self._epoch
        self._epoch = result["epoch"]
        if result.get("recovered"):
            self.recovered += 1
            paused = self.paused
            for publication in result.get("publications", []):
                await self._published(publication)
            if self.paused > paused:
                self.caught_up_at.setdefault(self.history, set()).add(self._offset)
            return
        self._offset = result.get("offset", 0)
        if is_first:
            await self._load()
        else:
            self.caught_up += 1
            await self._read_feed()

    async def _published(self, publication: dict[str, Any]) -> None:
        event = publication["data"]
        self._offset = publication["offset"]
        self.arrivals.setdefault(self.history, []).append((self._offset, event))
        if event["type"] == "feed_paused":
            self.paused += 1
            self.caught_up += 1
            await self._read(f"/api/token/subscription/?channel={self._channel}")
            await self._read_feed()
        elif event["type"] == "log_restarted":
            await self._read_feed()
        else:
            await self._take(event)

    async def _load(self) -> None:
        """The whole page, after subscribing: what is published from now on is above it, or drops out by version."""
        self._places = [(await self.browser.get("/api/feed/?limit=1")).body["log"]]
        answer = await self.browser.get("/api/rooms/")
        self._position = answer.position
        for room in answer.body["results"]:
            await self._show(room)
        await self._read_feed()

    async def _show(self, room: dict[str, Any]) -> None:
        answer = await self.browser.get(f"/api/rooms/{room['id']}/messages/?limit=100")
        if answer.status == 200:
            self.rooms[room["id"]] = room
            self.messages[room["id"]] = {message["id"]: message for message in answer.body["results"]}

    async def _read_feed(self) -> None:
        """Fetch the missed events."""
        while True:
            answer = await self._read(f"/api/feed/?after={self._position}&limit={FEED_LIMIT}")
            for event in answer.body["events"]:
                await self._take(event)
            self._position = max(self._position, answer.body["position"])
            self._places[:1] = [answer.body["log"]]
            if len(answer.body["events"]) < FEED_LIMIT:
                return

    async def _take(self, event: Event) -> None:
        """Apply an event unless it is shown already; fill what is missing before it."""
        body, version = event["body"], event["version"]
        room_id = body["room"]["id"]
        is_range = event["type"] == "members_changed"
        is_own = not is_range and body["user"]["id"] == self.browser.user_id
        if event["type"] == "user_joined" and is_own and room_id not in self.rooms:
            await self._enter(room_id)
        elif room_id in self.rooms and version > self.rooms[room_id]["version"]:
            if event["type"] == "user_left" and is_own:
                self._drop(room_id)
            else:
                if (body["from"] if is_range else version) > self.rooms[room_id]["version"] + 1:
                    await self._fill(room_id)
                self._apply(event)
        if event["position"] > self._position:
            self._move_to(event)

    def _move_to(self, event: Event) -> None:
        self._position = event["position"]
        if (place := event.get("log")) is None:
            return
        is_of_last = self._places and source_of(self._places[-1]) == source_of(place)
        self._places = [*(self._places[:-1] if is_of_last else self._places), place]

    async def _enter(self, room_id: str) -> None:
        answer = await self.browser.get(f"/api/rooms/{room_id}/")
        if answer.status == 200:
            await self._show(answer.body)

    async def _fill(self, room_id: str) -> None:
        """Fetch skipped versions from the room's events; none when the user is no longer a member."""
        room = self.rooms[room_id]
        while True:
            answer = await self._read(f"/api/rooms/{room_id}/events/?after={room['version']}&limit=1000")
            if answer.status != 200:
                return
            for event in answer.body["events"]:
                self._apply(event)
            if room["version"] >= answer.body["version"]:
                return

    def _apply(self, event: Event) -> None:
        body, room = event["body"], self.rooms[event["body"]["room"]["id"]]
        if event["version"] <= room["version"]:
            return
        match event["type"]:
            case "message_added":
                room.update(version=event["version"], bumped_at=body["room"]["bumped_at"], last_message=as_last(body))
                self.messages[room["id"]][body["id"]] = body
            case "user_joined" if body["user"]["id"] == self.browser.user_id:
                room.update(body["room"])
            case "user_joined" | "user_left" | "room_renamed" | "members_changed":
                self._update(room, body["room"])
            case "visibility_changed" | "history_changed" | "user_invited" | "invitation_withdrawn":
                self._update(room, body["room"])
            case "invitation_declined" | "invitation_link_made" | "invitation_link_revoked":
                self._update(room, body["room"])
            case "content_erased":
                if (
                    (last := room["last_message"]) is not None
                    and last["id"] in body["versions"]
                    and "erased" not in last
                ):
                    room["last_message"] = {**last, "content": "", "erased": body["erased"]}
                self._update(room, body["room"])
                shown = self.messages[room["id"]]
                for version in shown.keys() & body["versions"]:
                    if "erased" not in shown[version]:
                        shown[version] = {**shown[version], "content": "", "erased": body["erased"]}
            case "message_edited" | "message_retracted" | "message_pinned" | "message_unpinned":
                message, shown = body["message"], self.messages[room["id"]]
                room.update(body["room"])
                if message is None:
                    return
                if room["last_message"] is not None and room["last_message"]["id"] == message["id"]:
                    room["last_message"] = as_last(message)
                if message["id"] in shown:
                    shown[message["id"]] = message
            case "reaction_added" | "reaction_removed":
                room.update(body["room"])
                shown = self.messages[room["id"]]
                if (reacted := shown.get(body["message_id"])) is not None:
                    shown[body["message_id"]] = with_reactions(reacted, body["reactions"])
            case unknown:
                raise AssertionError(f"a publication of type {unknown}")

    def _update(self, room: dict[str, Any], told: dict[str, Any]) -> None:
        """The room as an event tells it, with the last message as known where the event does not tell it."""
        last = room["last_message"]
        room.update(told)
        room["last_message"] = told["last_message"] or last

    def _drop(self, room_id: str) -> None:
        del self.rooms[room_id]
        del self.messages[room_id]

    async def differences(self) -> list[str]:
        """The differences from a fresh page. Messages older than the initial page are not compared."""
        fresh = {room["id"]: room for room in (await self.browser.get("/api/rooms/")).body["results"]}
        found = [
            f"room {room_id}: {self.rooms.get(room_id)} is {fresh.get(room_id)}"
            for room_id in sorted(fresh.keys() | self.rooms.keys())
            if fresh.get(room_id) != self.rooms.get(room_id)
        ]
        for room_id, shown in list(self.messages.items()):
            oldest = min(shown, default=0)
            truth = {m["id"]: m for m in await self._all_messages(room_id, oldest)}
            found += [f"message {room_id}:{i}" for i in sorted(truth.keys() | shown) if truth.get(i) != shown.get(i)]
        return found

    async def _all_messages(self, room_id: str, oldest: int) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        while True:
            before = f"&before={messages[-1]['id']}" if messages else ""
            answer = await self.browser.get(f"/api/rooms/{room_id}/messages/?limit=500{before}")
            page = answer.body["results"] if answer.status == 200 else []
            messages += [message for message in page if message["id"] >= oldest]
            if len(page) < 500 or page[-1]["id"] < oldest:
                return messages
