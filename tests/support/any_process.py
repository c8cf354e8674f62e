"""A person in front of several processes of the service, any of which may be away."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import aiohttp
from yarl import URL

from tests.support.people import Answer, Person

AWAY = (aiohttp.ClientError, OSError)
RETRY_S = 0.1


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
            answer = await self.once(method, path, body, **options)
            if answer is not None:
                return answer
            await asyncio.sleep(RETRY_S)

    async def once(self, method: str, path: str, body: Any = None, **options: Any) -> Answer | None:
        """The response of a healthy process; None where the one that was asked is away, or cannot say."""
        url = self._chance.choice(self._urls)
        try:
            answer = await self.person.request(method, f"{url}".rstrip("/") + path, body, **options)
        except AWAY:
            return None
        return answer if answer.status != 503 else None
