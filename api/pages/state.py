"""The state of a page: rendered by the templates, and given to the scripts as JSON to continue from."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from aiohttp import web
from msgspec import Struct

from api.http.app_keys import CORE, READ_SYNC, SESSION
from api.http.rooms.here import here_token
from api.pages.page import Context
from domain.values import RoomId
from eventstore.values import Position, Version
from projections.readmodels.members import JoinOrLeave
from projections.readmodels.queries import AtPosition
from projections.readmodels.reading.read_marks import Reading
from projections.readmodels.shapes import Message, OwnStanding, RoomMember, RoomSummary, Timestamp, User, timestamp

MESSAGES = 50
"""Messages of a room that a page shows at least."""

MAX_MESSAGES = 300
"""Messages that it shows at most, to begin with the first unread one."""

READ_MESSAGES = 10
"""Messages before the first unread one that it shows at least."""

IN_SIDEBAR = 40
"""Rooms: as many as a tall screen shows."""

JOINS_AND_LEAVES = 200
"""Of those between its messages, so many."""


class ShownRoom(Struct, frozen=True):
    """The room on the page: its newest messages, ascending, its first members, its pinned messages, the last pinned
    first, the own role, and what is around the messages, all at its version or later. `here_token` subscribes to who
    has it open.
    """

    room: RoomSummary
    messages: list[Message]
    members: list[RoomMember]
    pinned: list[Message]
    own: OwnStanding
    joins_and_leaves: list[JoinOrLeave]
    positions: dict[Version, Position]
    """Where in the log the messages are."""
    answered: list[Message]
    """Those that the messages answer and that are not among them."""
    here_token: str | None = None


class State(Struct, frozen=True):
    """`position`: nothing up to it is missing. `log` identifies the log that it was read from."""

    user: User
    position: Position
    log: str
    rooms: list[RoomSummary]
    listed: int
    """How many rooms are listed at most: where there are fewer, these are all."""
    now: Timestamp
    """When the page is made: what ends by the clock goes by the server's."""
    readings: list[Reading]
    open: ShownRoom | None = None
    invitations: int = 0
    """How many wait for an answer."""


async def my_rooms(request: web.Request, *also: RoomId, listed: int = IN_SIDEBAR) -> State:
    """The rooms that a page lists: so many of the caller's, with unread counts of these and of `also`."""
    user = request[SESSION].user
    log = request.app[CORE].known.anchor.token  # before reading: what is read is of this log or of a later one
    rooms, invitations = await asyncio.gather(
        request.app[CORE].queries.newest_rooms(user.id, limit=listed), request.app[CORE].invitations.count_of(user.id)
    )
    shown = {*(room.id for room in rooms.value), *also}
    readings = await request.app[READ_SYNC].readings_of(user.id, shown)
    return State(
        user, rooms.position, log, rooms.value, listed, timestamp(datetime.now(UTC)), readings, invitations=invitations
    )


async def state_with_room(
    request: web.Request, room: AtPosition[RoomSummary], *, least: int = MESSAGES
) -> tuple[State, bool]:
    """`room` as the caller's open room with `least` messages or more, and whether it has older ones than those shown.

    Its version is read first: members are asked for at that version, and messages may be newer. What happened to them
    since is told to the page once more, and changes nothing then.
    """
    core = request.app[CORE]
    log = core.known.anchor.token
    user_id, place = request[SESSION].user.id, (room.value.id, room.value.version)
    mine, members, pinned, own = await asyncio.gather(
        my_rooms(request, room.value.id),
        core.members.at(*place),
        core.messages.pinned(user_id, room.value.id),
        core.room_roles.own(user_id, *place),
    )
    reading = reading_of(mine, room.value)
    beyond = room.value.version - reading.version + READ_MESSAGES if reading.unread else 0
    limit = max(min(beyond, MAX_MESSAGES), least)
    before = Version(room.value.version + 1)
    found = await core.queries.messages_before(mine.user.id, room.value.id, before=before, limit=limit + 1)
    newest = found.value.results[:limit]
    unread = sum(message.id > reading.version for message in newest)
    messages = newest[: max(least, unread + READ_MESSAGES)]
    has_older = len(found.value.results) > len(messages)
    (steps, positions), answered = await asyncio.gather(
        around_messages(request, room.value, messages[::-1], has_older=has_older, until=room.value.version),
        core.messages.answered_by(user_id, room.value.id, messages),
    )
    token = here_token(request, room.value)
    shown = ShownRoom(room.value, messages[::-1], members, pinned.value, own, steps, positions, answered, token)
    position = min(room.position, mine.position)
    return msgspec.structs.replace(mine, position=position, log=log, open=shown), has_older


async def around_messages(
    request: web.Request, room: RoomSummary, messages: Sequence[Message], *, has_older: bool, until: Version
) -> tuple[list[JoinOrLeave], dict[Version, Position]]:
    """Who joined and left from the first of `messages` (ascending) to a version, and where in the log these are.

    From the beginning of the room, where it has no older messages.
    """
    core, since = request.app[CORE], messages[0].id if has_older else Version(1)
    return await asyncio.gather(
        core.members.joins_and_leaves(
            request[SESSION].user.id, room.id, since=since, until=until, limit=JOINS_AND_LEAVES
        ),
        core.messages.positions(room.id, [message.id for message in messages]),
    )


def first_unread(state: State, room: RoomSummary, messages: Sequence[Message]) -> int | None:
    """The first of `messages` (ascending) that others wrote and the caller has not read."""
    reading = reading_of(state, room)
    unread = (message.id for message in messages if message.id > reading.version and message.user.id != state.user.id)
    return next(unread, None) if reading.unread else None


def unread_above(state: State, room: RoomSummary, messages: Sequence[Message]) -> Version | None:
    """From where on the caller has not read, if `messages` (ascending) do not reach so far back."""
    reading = reading_of(state, room)
    is_above = reading.unread and messages and messages[0].id > reading.version + 1
    return Version(reading.version + 1) if is_above and len(messages) >= MAX_MESSAGES else None


def reading_of(state: State, room: RoomSummary) -> Reading:
    """How far the caller has read `room`. A room without a reading, which they just left, counts as read."""
    everything = Reading(room.id, room.version, 0, room.version)
    return next((reading for reading in state.readings if reading.room_id == room.id), everything)


def layout_context(state: State) -> Context:
    """What the layout of a signed-in page needs."""
    readings = {reading.room_id: reading for reading in state.readings}
    return {"state": state, "sidebar": state.rooms[:IN_SIDEBAR], "readings": readings}
