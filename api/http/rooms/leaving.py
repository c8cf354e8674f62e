"""What follows when a member has left a room."""

from aiohttp import web

from api.http.app_keys import HERE
from domain.ports import RecordedEvent
from domain.room import Room
from domain.values import RoomId
from eventstore.values import Position


async def after(request: web.Request, recorded: RecordedEvent[Position]) -> None:
    """Where the command made a member leave, what is told live in the room is told to them no more."""
    if isinstance(event := recorded.event, Room.UserLeft):
        await request.app[HERE].remove(event.user_id, RoomId(event.originator_id))
