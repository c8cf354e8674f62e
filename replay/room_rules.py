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
        self._named_at: dict[UUID, int] = {}

    def apply(self, event: RoomEvent) -> None:
        """Take the next event. Raises Impossible."""
        if event.actor != OPERATOR or not isinstance(event, Room.ContentErased):
            check_user(event.actor)
        match event:
            case Room.RoomOpened():
                self._open(event)
            case Room.UserJoined():
                self._join(event)
            case Room.UserLeft():
                self._members_at(event).remove(event.user_id)
            case Room.ContentErased():
                self._erase(event)
            case Room.InvitationDeclined():  # by one who is not a member
                self._opened(event)
            case _:  # a new kind is a member's doing, or verify names the first of it
                self._members_at(event)
        if event.WORDS == "name":
            self._named_at[event.originator_id] = event.originator_version

    def _open(self, event: Room.RoomOpened) -> None:
        if event.originator_version != 1:
            raise Impossible("a room is opened by its first event only")
        self._members[event.originator_id] = set()

    def _join(self, event: Room.UserJoined) -> None:
        members = self._opened(event)
        if event.user_id in members:
            raise Impossible(f"user {event.user_id} joins, but is a member already")
        members.add(event.user_id)

    def _erase(self, event: Room.ContentErased) -> None:
        self._opened(event)
        versions = event.versions
        if not versions or versions != sorted(set(versions)):
            raise Impossible("it erases no versions, or not in order")
        if not (versions[0] >= 1 and versions[-1] < event.originator_version):
            raise Impossible("it erases a version that does not come before it")
        if self._named_at[event.originator_id] in versions:
            raise Impossible("it erases the name that the room has")

    def _members_at(self, event: RoomEvent) -> set[UserId]:
        """The members of the event's room, of whom its actor is one."""
        members = self._opened(event)
        if event.actor not in members:
            raise Impossible(f"{event.TOPIC} of user {event.actor}, who is not a member")
        return members

    def _opened(self, event: RoomEvent) -> set[UserId]:
        """The members of the event's room."""
        members = self._members.get(event.originator_id)
        if members is None:
            raise Impossible("the room was never opened")
        return members


def check_user(user_id: Any) -> None:
    """Raises Impossible unless this can be the number of an account."""
    if type(user_id) is not int or not 1 <= user_id <= LARGEST_USER_ID:
        raise Impossible("its user has an impossible id")
