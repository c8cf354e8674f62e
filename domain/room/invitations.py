"""Who is asked into a room: people, and those who hold a link."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.errors import (
    AlreadyAMember,
    AlreadyInvited,
    InvalidField,
    LinkNotValid,
    NoSuchLink,
    NotInvited,
    RoomNotFound,
    TooManyLinks,
)
from domain.room.event import UserEvent
from domain.room.state import RoomState
from domain.values import ClientId, RoomId, UserId

LINKS_LIMIT = 20
"""Links of one room that are in use at the same time."""

USES_LIMIT = 1000
LONGEST_LIFE = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class InviteUser:
    """Invite a user to a room."""

    room_id: RoomId
    user_id: UserId
    invitee_id: UserId
    client_id: ClientId | None = None


@dataclass(frozen=True, slots=True)
class WithdrawInvitation:
    """Withdraw the invitation of a user."""

    room_id: RoomId
    user_id: UserId
    invitee_id: UserId
    client_id: ClientId | None = None


@dataclass(frozen=True, slots=True)
class DeclineInvitation:
    """Decline one's own invitation."""

    room_id: RoomId
    user_id: UserId
    client_id: ClientId | None = None


@dataclass(frozen=True, slots=True)
class MakeLink:
    """Make a link by which `max_uses` people may join until it expires. Only the hash of its token is kept."""

    room_id: RoomId
    user_id: UserId
    token_hash: str
    life: timedelta
    max_uses: int


@dataclass(frozen=True, slots=True)
class RevokeLink:
    """Revoke a link, given by the version that made it."""

    room_id: RoomId
    user_id: UserId
    link: int
    client_id: ClientId | None = None


@dataclass(frozen=True, slots=True)
class JoinByLink:
    """Join a room by a link."""

    room_id: RoomId
    user_id: UserId
    token_hash: str
    client_id: ClientId | None = None


class UserInvited(UserEvent):
    """A member invited a user."""

    TOPIC = "user_invited"
    LABEL = "invited a user"
    invitee_id: UserId

    @property
    def person(self) -> UserId:
        return self.invitee_id

    def apply(self, aggregate: RoomState) -> None:
        aggregate.invited[self.invitee_id] = self.originator_version


class InvitationWithdrawn(UserEvent):
    """A member withdrew the invitation of a user."""

    TOPIC = "invitation_withdrawn"
    LABEL = "withdrew an invitation"
    invitee_id: UserId

    @property
    def person(self) -> UserId:
        return self.invitee_id

    def apply(self, aggregate: RoomState) -> None:
        aggregate.invited.pop(self.invitee_id, None)


class InvitationDeclined(UserEvent):
    """A user, not a member, declined to join."""

    TOPIC = "invitation_declined"
    LABEL = "declined the invitation"

    def apply(self, aggregate: RoomState) -> None:
        aggregate.invited.pop(self.user_id, None)


class InvitationLinkMade(UserEvent):
    """A member made a link. The log has the SHA-256 of its token, which is random, and not the token."""

    TOPIC = "invitation_link_made"
    LABEL = "made an invitation link"
    token_hash: str
    expires_at: datetime
    max_uses: int

    def apply(self, aggregate: RoomState) -> None:
        for token_hash, link in list(aggregate.links.items()):
            if link["expires_at"] <= self.timestamp:
                del aggregate.links[token_hash]
        aggregate.links[self.token_hash] = {
            "made_at": self.originator_version,
            "expires_at": self.expires_at,
            "uses_left": self.max_uses,
        }


class InvitationLinkRevoked(UserEvent):
    """A member revoked a link: the one that version `link` made."""

    TOPIC = "invitation_link_revoked"
    LABEL = "revoked an invitation link"
    link: int

    def apply(self, aggregate: RoomState) -> None:
        for token_hash, link in list(aggregate.links.items()):
            if link["made_at"] == self.link:
                del aggregate.links[token_hash]


class Invitations(RoomState):
    """Who may join though the room is not public: those who are invited, or hold a link."""

    def invite(self, *, user_id: UserId, invitee_id: UserId) -> None:
        """Invite `invitee_id`. Raises NotAMember, DirectRoom, RoomIsArchived, AlreadyAMember,
        AlreadyInvited.
        """
        self._must_have(user_id)
        self.must_not_be_direct()
        self.must_be_open()
        if invitee_id in self.members:
            raise AlreadyAMember("already a member")
        if invitee_id in self.invited:
            raise AlreadyInvited("This user is invited already.")
        self.trigger_event(UserInvited, user_id=user_id, invitee_id=invitee_id)

    def withdraw_invitation(self, *, user_id: UserId, invitee_id: UserId) -> None:
        """Withdraw the invitation of `invitee_id`. Raises NotAMember, NotInvited."""
        self._must_have(user_id)
        if invitee_id not in self.invited:
            raise NotInvited("This user is not invited.")
        self.trigger_event(InvitationWithdrawn, user_id=user_id, invitee_id=invitee_id)

    def decline_invitation(self, *, user_id: UserId) -> None:
        """Decline one's own invitation. Raises RoomNotFound without one."""
        if user_id not in self.invited:
            raise RoomNotFound("no such room")
        self.trigger_event(InvitationDeclined, user_id=user_id)

    def make_link(self, *, user_id: UserId, token_hash: str, life: timedelta, max_uses: int, now: datetime) -> None:
        """Make a link that is valid for `life` from `now` on. Raises NotAMember, DirectRoom, RoomIsArchived,
        TooManyLinks, InvalidField.
        """
        self._must_have(user_id)
        self.must_not_be_direct()
        self.must_be_open()
        if not timedelta(0) < life <= LONGEST_LIFE:
            raise InvalidField("days", f"Give 1 to {LONGEST_LIFE.days} days.")
        if not 1 <= max_uses <= USES_LIMIT:
            raise InvalidField("uses", f"Give 1 to {USES_LIMIT:,} uses.")
        in_use = sum(link["expires_at"] > now and link["uses_left"] > 0 for link in self.links.values())
        if in_use >= LINKS_LIMIT:
            raise TooManyLinks(f"The room has {LINKS_LIMIT} links in use: revoke one first.")
        self.trigger_event(
            InvitationLinkMade, user_id=user_id, token_hash=token_hash, expires_at=now + life, max_uses=max_uses
        )

    def revoke_link(self, *, user_id: UserId, link: int) -> None:
        """Revoke the link that version `link` made. Raises NotAMember, NoSuchLink."""
        self._must_have(user_id)
        if all(each["made_at"] != link for each in self.links.values()):
            raise NoSuchLink("There is no such link, or no longer.")
        self.trigger_event(InvitationLinkRevoked, user_id=user_id, link=link)

    def link_in_use(self, token_hash: str, *, now: datetime) -> int:
        """The version that made this link. Raises LinkNotValid once it is revoked, expired or used up."""
        link = self.links.get(token_hash)
        if link is None or link["uses_left"] < 1 or link["expires_at"] <= now:
            raise LinkNotValid("This link is not valid, or no longer: ask for another one.")
        return link["made_at"]
