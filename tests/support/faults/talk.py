"""What people do while servers die, and what the service confirmed to them."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.support.live_page import LivePage

REFUSED = {"join": 409, "leave": 404}
"""The answer to one who is a member already, or no longer."""

Place = tuple[str, int]
"""A room's id, and a version in it."""


@dataclass
class Talk:
    """What people did, and the responses they got.

    A backup that is put in the place of the database takes back what came after it: `unsure` has the messages that may
    be gone. Where a person is a member may be another than was confirmed, too.
    """

    rooms: Sequence[str]
    said: dict[str, Place] = field(default_factory=dict)  # by content, in the order of confirmation
    unsure: set[str] = field(default_factory=set)
    acts: Counter[str] = field(default_factory=Counter)
    restores: int = 0
    is_over: bool = False
    _under_way: set[str] = field(default_factory=set)

    async def has(self, messages: int) -> bool:
        """Whether so many were said."""
        return len(self.said) >= messages

    def took_back(self, confirmed: int) -> None:
        """A backup was restored that certainly has only the first `confirmed` messages."""
        self.unsure.update(list(self.said)[confirmed:], self._under_way)

    async def take_part(self, page: LivePage, chance: random.Random) -> None:
        """Post, join, leave and go from room to room until the end; the outcome of every request is known then."""
        joined: set[str] = set()
        number = 0
        while not self.is_over:
            number += 1
            room_id, key = chance.choice(self.rooms), f"act {number}"
            if room_id not in joined:
                await self._move(page, room_id, "join", key)
                joined.add(room_id)
                await page.go(f"/rooms/{room_id}/")
            elif len(joined) > 1 and chance.random() < 0.03:
                if await self._move(page, room_id, "leave", key):
                    joined.discard(room_id)
            elif chance.random() < 0.03:
                await page.go(f"/rooms/{room_id}/")
            elif not await self._say(page, room_id, f"{page.owner.user['username']} {number}"):
                joined.discard(room_id)

    async def _move(self, page: LivePage, room_id: str, act: str, key: str) -> bool:
        """Whether it was done, or is as if: not where the only owner of a room would leave it."""
        answer = await page.browser.post(f"/api/rooms/{room_id}/{act}/", {}, key=key)
        if answer.status == 409 and answer.body.get("code") == "last_owner":
            return False
        assert answer.status == 200 or (self.restores and answer.status == REFUSED[act]), answer.raw
        self.acts[act] += 1
        return True

    async def _say(self, page: LivePage, room_id: str, content: str) -> bool:
        """Whether it was recorded: not where a restored backup has this person outside of the room."""
        assert content not in self.said
        self._under_way.add(content)
        version = await page.say(room_id, content)
        self._under_way.discard(content)
        if version is None:
            assert self.restores, f"{content} was refused"
            return False
        self.said[content] = (room_id, version)
        return True
