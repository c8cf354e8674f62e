"""What cannot have happened in a room, found while its events are read: from a file, or from the log."""

from typing import Any
from uuid import UUID

from domain.room import Room, RoomEvent
from domain.values import OPERATOR, UserId

LARGEST_USER_ID = 2**53
"""What every reader of JSON takes without loss. There is space for new accounts beyond it."""


class Impossible(Exception):
    """The event cannot have happened after those before it; the text says why."""


class RoomRules:
    """Who is a member of which room, by the events so far."""

    def __init__(self) -> None:
        self._members: dict[UUID, set[UserId]] = {}

    def apply(self, event: RoomEvent) -> None:
        """Take the next event. Raises Impossible."""
        if event.actor != OPERATOR or not isinstance(event, Room.ContentErased):
            check_user(event.actor)
        if isinstance(event, Room.RoomOpened):
            self._open(event)
            return
        members = self._members.get(event.originator_id)
        if members is None:
            raise Impossible("the room was never opened")
        if isinstance(event, Room.ContentErased):  # by an admin, who need not be a member, or an operator
            if not all(0 < version < event.originator_version for version in event.versions):
                raise Impossible("it erases what was not said before")
            return
        if isinstance(event, Room.UserJoined):
            if event.user_id in members:
                raise Impossible(f"user {event.user_id} joins, but is a member already")
            members.add(event.user_id)
            return
        if event.actor not in members:  # everything else in a room is done by its members
            raise Impossible(f"{event.TOPIC} of user {event.actor}, who is not a member")
        if isinstance(event, Room.UserLeft):
            members.remove(event.user_id)

    def _open(self, event: Room.RoomOpened) -> None:
        if event.originator_version != 1:
            raise Impossible("a room is opened by its first event only")
        self._members[event.originator_id] = set()


def check_user(user_id: Any) -> None:
    """Raises Impossible unless this can be the number of an account."""
    if type(user_id) is not int or not 1 <= user_id <= LARGEST_USER_ID:
        raise Impossible("its user has an impossible id")
