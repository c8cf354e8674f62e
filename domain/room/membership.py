"""Who is in a room."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.errors import AlreadyAMember, DirectRoom, RoomNotFound
from domain.room.event import UserEvent
from domain.room.invitations import Invitations
from domain.room.state import RoomState
from domain.values import ClientId, RoomId, UserId


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
        aggregate.members.add(self.user_id)
        aggregate.invited.pop(str(self.user_id), None)
        for link in aggregate.links.values():
            if link["made_at"] == self.link:
                link["uses_left"] -= 1


class UserLeft(UserEvent):
    """A member left."""

    TOPIC = "user_left"
    LABEL = "left"

    def apply(self, aggregate: RoomState) -> None:
        aggregate.members.remove(self.user_id)


class Membership(Invitations):
    """Who is in the room."""

    def join(self, *, user_id: UserId) -> None:
        """Make `user_id` a member. Raises AlreadyAMember; RoomNotFound where they would have to be invited."""
        self._must_not_have(user_id)
        if self.visibility == "direct" or (self.visibility == "private" and str(user_id) not in self.invited):
            raise RoomNotFound("no such room")
        self._admit(user_id)

    def join_by_link(self, *, user_id: UserId, token_hash: str, at: datetime) -> None:
        """Make `user_id` a member by a link. Raises AlreadyAMember, LinkNotValid."""
        link = self.link_in_use(token_hash, at=at)
        self._must_not_have(user_id)
        self._admit(user_id, link=link)

    def leave(self, *, user_id: UserId) -> None:
        """End the membership of `user_id`. Raises NotAMember, DirectRoom."""
        self._must_have(user_id)
        if self.visibility == "direct":
            raise DirectRoom("A direct conversation belongs to its people: it cannot be left.")
        self.trigger_event(UserLeft, user_id=user_id)

    def _admit(self, user_id: UserId, *, link: int | None = None) -> None:
        reads_from = self.open_from if self.open_from is not None else self.version + 1
        invitation = self.invited.get(str(user_id))
        self.trigger_event(UserJoined, user_id=user_id, reads_from=reads_from, invitation=invitation, link=link)

    def _must_not_have(self, user_id: UserId) -> None:
        if user_id in self.members:
            raise AlreadyAMember("already a member")
