"""Owners, moderators and members.

The owners of a room are those members who were given that role. While there are none, the member who has been in the
room longest is its owner: its opener at first, and in a room of before roles whoever stayed.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, get_args

from domain.errors import HigherRole, InvalidField, LastOwner, NoSuchMember, NotAllowed, SameRole
from domain.room.event import UserEvent
from domain.room.state import RoomRole, RoomState
from domain.room.texts import check_reason
from domain.values import OPERATOR, ClientId, RoomId, UserId
from domain.words import Words, words

ROOM_ROLES: tuple[RoomRole, ...] = get_args(RoomRole)

RANKS: dict[RoomRole, int] = {"member": 0, "moderator": 1, "owner": 2}
OPERATOR_RANK = 3

LAST_OWNER = "You are the last owner of this room: make another member an owner first."
STAYS_OWNER = "Owner as the longest-standing member, from before another owner was named."


@dataclass(frozen=True, slots=True)
class GiveRole:
    """Give a member a role in a room."""

    room_id: RoomId
    user_id: UserId
    member_id: UserId
    role: RoomRole
    why: str
    client_id: ClientId | None = None

    def decide(self, room: "Roles", _now: datetime) -> None:
        room.give_role(user_id=self.user_id, member_id=self.member_id, role=self.role, why=self.why)


class AboutMember:
    """What events share that say what a user did about another one, and why: words that stand apart from the log."""

    WORDS: ClassVar[str | None] = "why"
    member_id: UserId
    why: str | None
    sealed: str | None

    @property
    def person(self) -> UserId:
        return self.member_id

    @property
    def words(self) -> Words:
        return words(self.why, self.sealed)


class RoleGiven(AboutMember, UserEvent):
    """A member was given a role, by an owner or an operator. It ends when the member leaves."""

    TOPIC = "role_given"
    LABEL = "gave a role"
    member_id: UserId
    role: RoomRole
    why: str | None = None
    sealed: str | None = None

    def apply(self, aggregate: RoomState) -> None:
        if self.role == "member":
            aggregate.roles.pop(self.member_id, None)
        else:
            aggregate.roles[self.member_id] = self.role


class Roles(RoomState):
    """Who has which role."""

    def role_of(self, user_id: UserId) -> RoomRole | None:
        """The role of a user in the room; None for one who is not a member."""
        if user_id not in self.members:
            return None
        named = self.roles.get(user_id)
        if named != "owner" and user_id == self._unnamed_owner:
            return "owner"
        return named or "member"

    def named_roles(self) -> dict[UserId, RoomRole]:
        """The owners and moderators."""
        unnamed = self._unnamed_owner
        return {**self.roles, **({unnamed: "owner"} if unnamed is not None else {})}

    def check_owner(self, user_id: UserId) -> None:
        """Raises NotAMember, DirectRoom, and NotAllowed unless this is an owner of the room, or an operator."""
        self._check_rank(user_id, "owner", "Only an owner of the room may do this.")

    def check_moderator(self, user_id: UserId) -> None:
        """Raises NotAMember, and NotAllowed unless this is a moderator or an owner of the room, or an operator."""
        self._check_rank(user_id, "moderator", "Only a moderator or an owner of the room may do this.")

    def check_may_act_on(self, user_id: UserId, other: UserId) -> None:
        """Raises NotAMember, NotAllowed unless the user moderates the room, and HigherRole where the other is above."""
        self.check_moderator(user_id)
        if self._rank(other) > self._rank(user_id):
            raise HigherRole("Somebody with a higher role in this room is not yours to moderate.")

    def may_moderate(self, user_id: UserId, other: UserId) -> bool:
        """Whether the user may act on what the other said."""
        return self.visibility != "direct" and self._rank(user_id) >= max(RANKS["moderator"], self._rank(other))

    def give_role(self, *, user_id: UserId, member_id: UserId, role: RoomRole, why: str) -> None:
        """Give a member a role. The present owner stays one: where none was given that role before, it is given first.

        Raises InvalidField, NotAMember, NotAllowed, NoSuchMember, SameRole, LastOwner when no owner would be left.
        """
        check_reason(why)
        if role not in RANKS:
            raise InvalidField("role", f"A role is one of {', '.join(ROOM_ROLES)}.")
        self.check_owner(user_id)
        present = self.role_of(member_id)
        if present is None:
            raise NoSuchMember("There is no such member in this room.")
        if present == role:
            raise SameRole(f"That is their role already: {role}.")
        if present == "owner":
            self.check_not_last_owner(member_id)
        if role == "owner" and (unnamed := self._unnamed_owner) is not None:
            self._give(OPERATOR, unnamed, "owner", STAYS_OWNER)
        self._give(user_id, member_id, role, why.strip())

    def succeed(self, *, user_id: UserId, why: str) -> None:
        """Where `user_id`, who cannot act any more, is the only owner, make another one: of the moderators, or else
        of all members, the one who has been in the room longest. The former owner is a member from then on.

        Raises SameRole when there is nothing to change.
        """
        check_reason(why)
        is_direct = self.visibility == "direct"
        if is_direct or self.role_of(user_id) != "owner" or self._other_owners(user_id) or len(self.members) == 1:
            raise SameRole("The room needs no other owner.")
        self.name_successor(user_id, why=why)
        self._give(OPERATOR, user_id, "member", why)

    def name_successor(self, user_id: UserId, *, why: str) -> None:
        """Make the one an owner who comes after this one. There are other members."""
        others = [member for member in self.members if member != user_id]
        successor = next((member for member in others if self.roles.get(member) == "moderator"), others[0])
        self._give(OPERATOR, successor, "owner", why)

    def _give(self, user_id: UserId, member_id: UserId, role: RoomRole, why: str) -> None:
        self.trigger_event(RoleGiven, user_id=user_id, member_id=member_id, role=role, why=why)

    @property
    def _unnamed_owner(self) -> UserId | None:
        """Who is the owner because no member was given that role; None where one was, in an empty room, and in a direct
        conversation, which nobody owns.
        """
        if self.visibility == "direct" or "owner" in self.roles.values():
            return None
        return next(iter(self.members), None)

    def _other_owners(self, user_id: UserId) -> list[UserId]:
        return [member for member, role in self.roles.items() if role == "owner" and member != user_id]

    def check_not_last_owner(self, user_id: UserId) -> None:
        """Raises LastOwner where `user_id` is the only owner, and others would be left without one."""
        if self.role_of(user_id) == "owner" and not self._other_owners(user_id) and len(self.members) > 1:
            raise LastOwner(LAST_OWNER)

    def _rank(self, user_id: UserId) -> int:
        if user_id == OPERATOR:
            return OPERATOR_RANK
        role = self.role_of(user_id)
        return RANKS[role] if role is not None else RANKS["member"]

    def _check_rank(self, user_id: UserId, least: RoomRole, text: str) -> None:
        if user_id != OPERATOR:
            self._must_have(user_id)
        self.must_not_be_direct()
        if self._rank(user_id) < RANKS[least]:
            raise NotAllowed(text)
