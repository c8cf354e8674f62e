"""What cannot have happened in a room, found while its events are read: from a file, or from the log."""

from collections.abc import MutableMapping
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.errors import ChatError
from domain.room import Room, RoomEvent
from domain.room.discussion.message import MessageEvent
from domain.room.governance.moderation import Moderation
from domain.room.state import Link, RoomRole
from domain.values import OPERATOR, UserId

LARGEST_USER_ID = 2**53
"""What every reader of JSON takes without loss. There is space for new accounts beyond it."""


class Impossible(Exception):
    """The event cannot have happened after those before it; the text says why."""


class RuledRoom(Moderation):
    """What the rules need to know of a room: events apply themselves to it, as to the room itself."""

    def __init__(self, opened: Room.RoomOpened) -> None:
        self.members: MutableMapping[UserId, int] = {}
        self.roles: MutableMapping[UserId, RoomRole] = {}
        self.banned_until: MutableMapping[UserId, datetime] = {}
        self.muted_until: MutableMapping[UserId, datetime] = {}
        self.is_archived = False
        self.topic_version = 0
        self.name_version = 1
        self.visibility = opened.visibility
        self.open_from = 1 if opened.history == "all" else None
        self.invited: MutableMapping[UserId, int] = {}
        self.links: dict[str, Link] = {}


class RoomRules:
    """Who is a member of which room, and may do what there, by the events so far."""

    def __init__(self) -> None:
        self._rooms: dict[UUID, RuledRoom] = {}

    def apply(self, event: RoomEvent) -> None:
        """Take the next event. Raises Impossible."""
        for user_id in (event.actor, event.person):
            if user_id is not None and not (user_id == OPERATOR and _may_be_an_operators(event)):
                check_user(user_id)
        if isinstance(event, Room.RoomOpened):
            self._open(event)
            return
        room = self._rooms.get(event.originator_id)
        if room is None:
            raise Impossible("the room was never opened")
        try:
            _check(event, room)
        except ChatError as refusal:
            raise Impossible(f"{event.TOPIC} of user {event.actor}: {refusal}") from refusal
        event.apply(room)

    def _open(self, event: Room.RoomOpened) -> None:
        if event.originator_version != 1:
            raise Impossible("a room is opened by its first event only")
        self._rooms[event.originator_id] = RuledRoom(event)


def _may_be_an_operators(event: RoomEvent) -> bool:
    """Whether an operator, or the service itself, may have done it without an account."""
    return not isinstance(event, Room.RoomOpened | Room.UserJoined | Room.MessageAdded | MessageEvent)


def _check(event: RoomEvent, room: RuledRoom) -> None:
    """Raises Impossible, or what the command of the event raises.

    Before there were roles, any member renamed the room, and the last owner left.
    """
    match event:
        case Room.UserJoined():
            if event.user_id in room.members:
                raise Impossible(f"user {event.user_id} joins, but is a member already")
            room.check_may_enter(event.user_id, now=event.timestamp)
        case Room.UserLeft():
            _check_member(event, event.user_id, room)
            if event.removed_by is not None:
                room.check_may_act_on(event.removed_by, event.user_id)
        case Room.MessageAdded():
            _check_member(event, event.user_id, room)
            room.check_may_speak(event.user_id, now=event.timestamp)
        case Room.MessageEdited() | Room.ReactionAdded() | Room.MessagePinned() | Room.MessageUnpinned():
            _check_member(event, event.user_id, room)
            room.check_may_speak(event.user_id, now=event.timestamp)
        case Room.ContentErased():
            _check_erasure(event, room)
        case Room.UserErased():
            check_user(event.member_id)
        case Room.RoleGiven():
            _check_member(event, event.member_id, room)
            room.check_owner(event.user_id)
        case Room.UserBanned():
            room.check_may_act_on(event.user_id, event.member_id)
        case Room.UserMuted() | Room.MuteLifted():
            _check_member(event, event.member_id, room)
            room.check_may_act_on(event.user_id, event.member_id)
        case Room.BanLifted():
            room.check_moderator(event.user_id)
        case Room.InvitationDeclined():
            if event.user_id not in room.invited:
                raise Impossible(f"user {event.user_id} declines, but is not invited")
        case Room.VisibilityChanged() | Room.HistoryChanged():
            room.check_owner(event.user_id)
        case Room.TopicSet() | Room.RoomArchived() | Room.RoomReopened():
            room.check_owner(event.user_id)
        case _ if event.actor == OPERATOR:
            pass
        case _:  # a new kind is a member's doing, or verify names the first of it
            _check_member(event, event.actor, room)


def _check_member(event: RoomEvent, user_id: UserId, room: RuledRoom) -> None:
    if user_id not in room.members:
        raise Impossible(f"{event.TOPIC} of user {user_id}, who is not a member")


def _check_erasure(event: Room.ContentErased, room: RuledRoom) -> None:
    versions = event.versions
    if not versions or versions != sorted(set(versions)):
        raise Impossible("it erases no versions, or not in order")
    if not (versions[0] >= 1 and versions[-1] < event.originator_version):
        raise Impossible("it erases a version that does not come before it")
    if room.name_version in versions:
        raise Impossible("it erases the name that the room has")


def check_user(user_id: Any) -> None:
    """Raises Impossible unless this can be the number of an account."""
    if type(user_id) is not int or not 1 <= user_id <= LARGEST_USER_ID:
        raise Impossible("its user has an impossible id")
