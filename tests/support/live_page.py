"""A page that stays open while everything else fails: what arrived at it, and how it differs from a fresh one."""

import random
from collections.abc import Sequence
from typing import Any

from yarl import URL

from tests.support.any_process import Browser
from tests.support.open_pages import OpenPage
from tests.support.people import Person
from tests.support.realtime.node import Event, NodeProgram

MOST_MESSAGES = 500
"""In one answer."""


class LivePage(OpenPage):
    """`arrivals` holds what came with which offset, by the history of the channel and the subscription to it.

    `known` has the position up to which the page had everything when that subscription began.

    `caught_up_at` has the offsets up to which a history with a pause in it was recovered: what was left out before may
    lie on both sides of the pause.
    """

    def __init__(self, program: NodeProgram, name: str, owner: Person, *, urls: Sequence[URL] = ()) -> None:
        super().__init__(program, name, owner, urls=urls)
        self.browser = Browser(owner, self._urls, random.Random(name))
        self.arrivals: dict[str, list[tuple[int, Event]]] = {}
        self.known: dict[str, int] = {}
        self.caught_up_at: dict[str, set[int]] = {}
        self.recovered = self.caught_up = self.paused = self.restarted = 0
        self._is_new, self._is_recovering, self._is_paused = True, False, False

    def told(self, event: Event) -> None:
        match event["event"]:
            case "subscribed":
                self._is_recovering, self._is_paused = event["recovered"], False
                self.known.setdefault(event["history"], event["position"])
                self.recovered += event["recovered"]
                self.caught_up += not event["recovered"] and not self._is_new
                self._is_new = False
            case "published":
                self._published(event["history"], event["offset"], event["data"])
            case "recovered":
                if self._is_recovering and self._is_paused:
                    offset, _ = self.arrivals[event["history"]][-1]
                    self.caught_up_at.setdefault(event["history"], set()).add(offset)
                self._is_recovering = False
            case "restarted":
                self.restarted += 1
                self._is_new = True

    def _published(self, history: str, offset: int, data: Event) -> None:
        self.arrivals.setdefault(history, []).append((offset, data))
        if data["type"] == "feed_paused":
            self._is_paused = True
            self.paused += 1

    async def differences(self) -> list[str]:
        """The differences from a fresh page. Messages older than those that it shows are not compared."""
        return [*await self._differences_of_rooms(), *await self._differences_of_messages()]

    async def _differences_of_rooms(self) -> list[str]:
        shown = await self.list()
        fresh = (await self.browser.get("/api/rooms/")).body["results"]
        readings = (await self.browser.get("/api/readings/")).body["readings"]
        found = []
        if shown["rooms"] != fresh:
            found.append(f"rooms {shown['rooms']} are {fresh}")
        unread = {
            reading["room_id"]: [reading["unread"], reading["mentions"], reading["is_muted"]] for reading in readings
        }
        if shown["unread"] != unread:
            found.append(f"unread {shown['unread']} is {unread}")
        return found

    async def _differences_of_messages(self) -> list[str]:
        shown = await self.room()
        if shown is None:
            members = [room["id"] for room in (await self.browser.get("/api/rooms/")).body["results"]]
            return [f"{room_id} is not shown" for room_id in members if self.path == f"/rooms/{room_id}/"]
        room_id, here = shown["room"]["id"], {message["id"]: message for message in shown["messages"]}
        truth = {message["id"]: message for message in await self._all_messages(room_id, min(here, default=0))}
        return [
            f"message {number} of {room_id}: {here.get(number)} is {truth.get(number)}"
            for number in sorted(truth.keys() | here)
            if truth.get(number) != here.get(number)
        ]

    async def _all_messages(self, room_id: str, oldest: int) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        while True:
            before = f"&before={messages[-1]['id']}" if messages else ""
            answer = await self.browser.get(f"/api/rooms/{room_id}/messages/?limit={MOST_MESSAGES}{before}")
            page = answer.body["results"] if answer.status == 200 else []
            messages += [message for message in page if message["id"] >= oldest]
            if len(page) < MOST_MESSAGES or page[-1]["id"] < oldest:
                return messages
