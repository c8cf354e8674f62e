"""Who is in a room."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.errors import AlreadyAMember
from domain.room.event import UserEvent
from domain.room.governance.roles import Roles
from domain.room.invitations import Invitations
from domain.room.state import RoomState
from domain.values import ClientId, RoomId, UserId
from domain.words import Words, words


@dataclass(frozen=True, slots=True)
class JoinRoom:
    """Join a room."""

    room_id: RoomId
    user_id: UserId
    client_id: ClientId | None = None


@dataclass(frozen=True, slots=True)
class LeaveRoom:
    """Leave a room."""

    room_id: RoomId
    user_id: UserId
    client_id: ClientId | None = None


class UserJoined(UserEvent):
    """A user joined, who may read the room from version `reads_from` on.

    `invitation` and `link` are the versions that invited them and that made the link they came by.
    """

    TOPIC = "user_joined"
    LABEL = "joined"
    class_version = 2
    reads_from: int = 1
    invitation: int | None = None
    link: int | None = None

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["reads_from"] = 1  # every member read every room from its beginning
        state["invitation"] = state["link"] = None

    def apply(self, aggregate: RoomState) -> None:
        aggregate.members[self.user_id] = self.originator_version
        aggregate.invited.pop(self.user_id, None)
        for link in aggregate.links.values():
            if link["made_at"] == self.link:
                link["uses_left"] -= 1


class UserLeft(UserEvent):
    """A member left, or was removed by another one: then `why` are that one's words, which stand apart from the log."""

    TOPIC = "user_left"
    LABEL = "left"
    WORDS = "why"
    WORDS_OPTIONAL = True
    removed_by: UserId | None = None
    why: str | None = None
    sealed: str | None = None

    @property
    def actor(self) -> UserId:
        return self.user_id if self.removed_by is None else self.removed_by

    @property
    def person(self) -> UserId | None:
        return self.user_id if self.removed_by is not None else None

    @property
    def words(self) -> Words | None:
        return words(self.why, self.sealed) if self.removed_by is not None else None

    def apply(self, aggregate: RoomState) -> None:
        del aggregate.members[self.user_id]
        aggregate.roles.pop(self.user_id, None)


class Membership(Invitations, Roles):
    """Who is in the room."""

    def join(self, *, user_id: UserId, now: datetime | None = None) -> None:
        """Make `user_id` a member. Raises AlreadyAMember; RoomNotFound where they would have to be invited;
        RoomIsArchived, BannedFromRoom.

        Without `now`, no ban on record has ended.
        """
        self._must_not_have(user_id)
        self.check_found_by(user_id)
        self.check_may_enter(user_id, now=now)
        self._admit(user_id)

    def join_by_link(self, *, user_id: UserId, token_hash: str, now: datetime) -> None:
        """Make `user_id` a member by a link. Raises AlreadyAMember, LinkNotValid, RoomIsArchived, BannedFromRoom."""
        link = self.link_in_use(token_hash, now=now)
        self._must_not_have(user_id)
        self.check_may_enter(user_id, now=now)
        self._admit(user_id, link=link)

    def leave(self, *, user_id: UserId) -> None:
        """End the membership of `user_id`. Raises NotAMember, DirectRoom; LastOwner where others would be left without
        an owner.
        """
        self._must_have(user_id)
        self.must_not_be_direct()
        self.check_not_last_owner(user_id)
        self.trigger_event(UserLeft, user_id=user_id)

    def _admit(self, user_id: UserId, *, link: int | None = None) -> None:
        reads_from = self.open_from if self.open_from is not None else self.version + 1
        invitation = self.invited.get(user_id)
        self.trigger_event(UserJoined, user_id=user_id, reads_from=reads_from, invitation=invitation, link=link)

    def _must_not_have(self, user_id: UserId) -> None:
        if user_id in self.members:
            raise AlreadyAMember("already a member")
