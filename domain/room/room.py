"""The Room aggregate, the unit of consistency."""

from collections import UserDict
from typing import cast

from eventsourcing.domain import Aggregate, event

from domain.room.discussion.editing import Editing
from domain.room.discussion.pinning import Pinning
from domain.room.discussion.reacting import Reacting
from domain.room.discussion.retracting import Retracting
from domain.room.erasing import Erasures
from domain.room.event import Event as RoomEventBase
from domain.room.governance.archiving import Archiving
from domain.room.governance.moderation import Moderation
from domain.room.governance.topic import Topics
from domain.room.kinds import NamedEvents
from domain.room.membership import Membership
from domain.room.messages import Messages
from domain.room.naming import Naming
from domain.room.opening import RoomOpened
from domain.room.texts import check_name
from domain.values import RoomId, UserId


class Room(
    Membership,
    Messages,
    Editing,
    Retracting,
    Reacting,
    Pinning,
    Naming,
    Erasures,
    Moderation,
    Topics,
    Archiving,
    NamedEvents,
    Aggregate,
):
    """A conversation: its members and their messages, in order.

    Each subject has its commands, which decide and may raise the errors of `domain.errors`; each event applies itself.
    What people typed, messages and names, is not kept in memory: no rule needs it, and rooms load from the log, which
    does not hold it.
    """

    TOPIC = "room"
    Event = RoomEventBase
    Created = RoomOpened  # otherwise the library would add a created-event of its own, without a topic

    @event(RoomOpened)
    def __init__(self, *, opened_by: UserId, name: str | None = None) -> None:
        self.members = UserDict()
        self.roles = UserDict()
        self.banned_until = UserDict()
        self.muted_until = UserDict()
        self.is_archived = False
        self.topic_version = 0
        self.name_version = 1

    @classmethod
    def open(cls, *, name: str, user_id: UserId) -> "Room":
        """A new room with a new id, of which the opener is the first member.

        Raises InvalidField for a name that is blank, too long or more than one line.
        """
        check_name(name)
        room = cls(name=name.strip(), opened_by=user_id)
        room.join(user_id=user_id)
        return room

    @property
    def room_id(self) -> RoomId:
        return cast(RoomId, self.id)
