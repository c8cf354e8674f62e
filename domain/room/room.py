"""The Room aggregate, the unit of consistency."""

from collections import UserDict
from collections.abc import Sequence
from typing import cast

from eventsourcing.domain import Aggregate, event

from domain.errors import InvalidField
from domain.room.access import Entrance, History, Visibility, as_visibility
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

PEOPLE_LIMIT = 8
"""The most people that a direct conversation is of."""


class Room(
    Membership,
    Entrance,
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
    def __init__(
        self,
        *,
        opened_by: UserId,
        name: str | None = None,
        visibility: Visibility = "public",
        history: History = "all",
        people: list[int] | None = None,
    ) -> None:
        self.members = UserDict()
        self.roles = UserDict()
        self.banned_until = UserDict()
        self.muted_until = UserDict()
        self.is_archived = False
        self.topic_version = 0
        self.name_version = 1
        self.visibility = visibility
        self.open_from = 1 if history == "all" else None
        self.invited = UserDict()
        self.links = {}

    @classmethod
    def open(cls, *, name: str, user_id: UserId, visibility: Visibility = "public", history: History = "all") -> "Room":
        """A new room with a new id, of which the opener is the first member.

        Raises InvalidField for a name that is blank, too long or more than one line, and for a direct room.
        """
        check_name(name)
        as_visibility(visibility)
        room = cls(name=name.strip(), opened_by=user_id, visibility=visibility, history=history, people=None)
        room._admit(user_id)
        return room

    @classmethod
    def open_direct(cls, *, user_id: UserId, others: Sequence[UserId]) -> "Room":
        """The direct conversation of these people, who are its members for good. Raises InvalidField unless there are
        2 to 8.
        """
        people = sorted({user_id, *others})
        if not 2 <= len(people) <= PEOPLE_LIMIT:
            raise InvalidField("people", f"Name 1 to {PEOPLE_LIMIT - 1} other people.")
        room = cls(name=None, opened_by=user_id, visibility="direct", history="all", people=list(people))
        for person in (user_id, *(each for each in people if each != user_id)):
            room._admit(person)
        return room

    @property
    def room_id(self) -> RoomId:
        return cast(RoomId, self.id)
