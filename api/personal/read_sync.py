"""How far a user has read, and which rooms they muted: recorded from one device, announced to the others."""

import logging
import time
from collections.abc import Collection

import msgspec
from msgspec import Struct

from centrifugo.publisher import Channels, Publication, Publisher, PublisherError
from domain.values import RoomId, UserId
from eventstore.values import Version
from projections.fanout.channels import personal_channel
from projections.readmodels.reading.muted_rooms import MutedRooms
from projections.readmodels.reading.read_marks import Reading, ReadMarks

log = logging.getLogger(__name__)


class RoomRead(Struct, frozen=True, tag_field="type", tag="room_read"):
    """A publication on the user's own channel. It stands for no event, so it has no version and no position."""

    body: Reading


class ReadSync:
    """Keeps the devices of a user in step."""

    def __init__(self, read_marks: ReadMarks, muted_rooms: MutedRooms, publisher: Publisher) -> None:
        self._read_marks = read_marks
        self._muted_rooms = muted_rooms
        self._publisher = publisher

    async def readings(self, user_id: UserId) -> list[Reading]:
        """One for each room that the user is in."""
        return await self._read_marks.of(user_id)

    async def readings_of(self, user_id: UserId, rooms: Collection[RoomId]) -> list[Reading]:
        """One for each of these rooms that the user is in."""
        return await self._read_marks.of_rooms(user_id, rooms)

    async def move(self, user_id: UserId, room_id: RoomId, version: Version) -> Reading:
        """Record that the user has read the room up to `version`. Raises NotInRoom."""
        reading, has_moved = await self._read_marks.move(user_id, room_id, version)
        if has_moved:
            await self._announce(user_id, reading)
        return reading

    async def mute(self, user_id: UserId, room_id: RoomId, *, is_muted: bool) -> Reading:
        """Mute a room for the user, or end that. Raises NotInRoom."""
        has_changed = await self._muted_rooms.set(user_id, room_id, is_muted=is_muted)
        reading = await self._read_marks.in_room(user_id, room_id)
        if has_changed:
            await self._announce(user_id, reading)
        return reading

    async def _announce(self, user_id: UserId, reading: Reading) -> None:
        """Best effort: a device that misses it asks for all readings when it next catches up."""
        data = msgspec.json.encode(RoomRead(reading))
        key = f"{reading.room_id}:read:{reading.version}:{time.time_ns()}"  # a mark can go back, with the database
        try:
            await self._publisher.publish([Publication(Channels([personal_channel(user_id)]), data, key)])
        except PublisherError as error:
            log.warning("reading not announced", extra={"user_id": user_id, "reason": str(error)})
