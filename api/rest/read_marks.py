"""What is unread: read marks, moved by one device and told to the others."""

import logging
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from api.http.app_keys import PUBLISHER, READ_MARKS, SESSION
from api.http.parsing import BIGINT, read_body, room_id
from api.http.responses import answer
from centrifugo.publisher import Channels, Publication, Publisher, PublisherError
from domain.errors import RoomNotFound
from domain.values import RoomId
from projections.fanout.channels import personal_channel
from projections.readmodels.read_marks import Reading

log = logging.getLogger(__name__)


class ReadUpTo(Struct, frozen=True):
    """The newest version that was seen."""

    version: Annotated[int, Meta(ge=1, le=BIGINT)]


class Readings(Struct, frozen=True):
    """One for each of the caller's rooms."""

    readings: list[Reading]


class RoomRead(Struct, frozen=True, tag_field="type", tag="room_read"):
    """What the user's other devices are told. It is no event: it has no version and no position."""

    body: Reading


async def get_readings(request: web.Request) -> web.Response:
    """GET /api/readings/: how far the caller has read each room, and what is left."""
    return answer(Readings(await request.app[READ_MARKS].of(request[SESSION].user.id)))


async def mark_read(request: web.Request) -> web.Response:
    """POST /api/rooms/{room_id}/read/ {"version"}: 200 Reading; 404 when not a member."""
    room = room_id(request)
    wanted = await read_body(request, ReadUpTo)
    return answer(await read_up_to(request, room, wanted.version))


async def read_up_to(request: web.Request, room: RoomId, version: int) -> Reading:
    """Move the caller's mark, and tell their other devices. Raises RoomNotFound when they are not in the room."""
    user_id = request[SESSION].user.id
    moved = await request.app[READ_MARKS].move(user_id, room, version)
    if moved is None:
        raise RoomNotFound
    reading, is_news = moved
    if is_news:
        await _tell(request.app[PUBLISHER], user_id, reading)
    return reading


async def _tell(publisher: Publisher, user_id: int, reading: Reading) -> None:
    """Best effort: a device that misses it asks for all readings when it next catches up."""
    data = msgspec.json.encode(RoomRead(reading))
    key = f"{reading.room_id}:read:{reading.version}"
    try:
        await publisher.publish([Publication(Channels([personal_channel(user_id)]), data, key)])
    except PublisherError as error:
        log.warning("read mark not told", extra={"user_id": user_id, "reason": str(error)})
