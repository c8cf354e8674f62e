"""Who has a room open, and who types in it: told live to its members, and not on the record.

A room has a channel of its own for this. Who is subscribed to it has the room open: the real-time server knows them,
and tells who comes and goes. Nothing is kept, and nothing waits for it.
"""

import asyncio
import logging
import time
from collections.abc import Callable

import msgspec
from msgspec import Struct

from centrifugo.publisher import Channels, Publication, Publisher, PublisherError
from domain.values import RoomId, UserId
from projections.fanout.channels import here_channel
from projections.readmodels.queries import NotInRoom, Queries

MOST_MEMBERS = 100
"""Larger rooms have none of it: each who comes is told to all who are there."""

TOLD_EVERY_S = 3.0
TIMEOUT_S = 2.0
MOST_REMEMBERED = 10_000

log = logging.getLogger(__name__)


class TypingUser(Struct, frozen=True):
    """Who types."""

    user_id: UserId


class SomeoneTypes(Struct, frozen=True, tag_field="type", tag="typing"):
    """A publication on the room's channel. It stands for no event."""

    body: TypingUser


class Here:
    """The channels of rooms that are not on the record."""

    def __init__(
        self, queries: Queries, publisher: Publisher, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._queries = queries
        self._publisher = publisher
        self._monotonic = monotonic
        self._told: dict[tuple[UserId, RoomId], float] = {}

    async def may_listen(self, user_id: UserId, room_id: RoomId) -> bool:
        """Whether the user is a member, and the room small enough."""
        try:
            room = (await self._queries.room(user_id, room_id)).value
        except NotInRoom:
            return False
        return room.member_count <= MOST_MEMBERS

    async def tell_typing(self, user_id: UserId, room_id: RoomId) -> bool:
        """Tell that a member types, at most once in three seconds; whether it was told now. Raises NotInRoom."""
        room = (await self._queries.room(user_id, room_id)).value
        if room.member_count > MOST_MEMBERS or not self._is_due(user_id, room_id):
            return False
        data = msgspec.json.encode(SomeoneTypes(TypingUser(user_id)))
        key = f"typing:{user_id}:{time.time_ns()}"
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await self._publisher.publish([Publication(Channels([here_channel(room_id)]), data, key)])
        except (PublisherError, TimeoutError) as error:
            log.info("typing not told", extra={"reason": str(error)})
            return False
        return True

    async def remove(self, user_id: UserId, room_id: RoomId) -> None:
        """A member has left: end their subscriptions. Where that fails, they end with their tokens, a minute later."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await self._publisher.unsubscribe(str(user_id), here_channel(room_id))
        except (PublisherError, TimeoutError) as error:
            log.warning("not unsubscribed", extra={"user_id": user_id, "reason": str(error)})

    def _is_due(self, user_id: UserId, room_id: RoomId) -> bool:
        now = self._monotonic()
        if now - self._told.get((user_id, room_id), now - TOLD_EVERY_S) < TOLD_EVERY_S:
            return False
        if len(self._told) >= MOST_REMEMBERED:
            self._told = {key: at for key, at in self._told.items() if now - at < TOLD_EVERY_S}
        self._told[user_id, room_id] = now
        return True
