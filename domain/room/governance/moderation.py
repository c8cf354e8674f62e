"""What moderators do about members: remove, ban and mute them, each for a reason, the last two for a time.

Bans and mutes end by the clock: a command is told what time it is.
"""

from collections.abc import MutableMapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.errors import ActsOnSelf, InvalidField, NoSuchMember, NotBanned, NotMuted
from domain.room.event import UserEvent
from domain.room.governance.roles import AboutMember, Roles
from domain.room.membership import UserLeft
from domain.room.state import RoomState, is_in_force
from domain.room.texts import check_reason
from domain.values import ClientId, RoomId, UserId

LONGEST_MINUTES = 10 * 366 * 24 * 60
"""For which a person is banned or muted at most."""


@dataclass(frozen=True, slots=True)
class RemoveMember:
    """Remove a member from a room."""

    room_id: RoomId
    user_id: UserId
    member_id: UserId
    why: str
    client_id: ClientId | None = None

    def decide(self, room: "Moderation", _now: datetime) -> None:
        room.remove(user_id=self.user_id, member_id=self.member_id, why=self.why)


@dataclass(frozen=True, slots=True)
class BanUser:
    """Keep a user out of a room for a time; remove one who is in it."""

    room_id: RoomId
    user_id: UserId
    member_id: UserId
    minutes: int
    why: str
    client_id: ClientId | None = None

    def decide(self, room: "Moderation", now: datetime) -> None:
        room.ban(user_id=self.user_id, member_id=self.member_id, minutes=self.minutes, why=self.why, now=now)


@dataclass(frozen=True, slots=True)
class MuteMember:
    """Let a member say nothing for a time."""

    room_id: RoomId
    user_id: UserId
    member_id: UserId
    minutes: int
    why: str
    client_id: ClientId | None = None

    def decide(self, room: "Moderation", now: datetime) -> None:
        room.mute(user_id=self.user_id, member_id=self.member_id, minutes=self.minutes, why=self.why, now=now)


@dataclass(frozen=True, slots=True)
class LiftBan:
    """Let a banned user join again."""

    room_id: RoomId
    user_id: UserId
    member_id: UserId
    why: str
    client_id: ClientId | None = None

    def decide(self, room: "Moderation", now: datetime) -> None:
        room.lift_ban(user_id=self.user_id, member_id=self.member_id, why=self.why, now=now)


@dataclass(frozen=True, slots=True)
class LiftMute:
    """Let a muted member speak again."""

    room_id: RoomId
    user_id: UserId
    member_id: UserId
    why: str
    client_id: ClientId | None = None

    def decide(self, room: "Moderation", now: datetime) -> None:
        room.lift_mute(user_id=self.user_id, member_id=self.member_id, why=self.why, now=now)


class UserBanned(AboutMember, UserEvent):
    """A user cannot join until a moment. The removal of a member is an event of its own, right after this one."""

    TOPIC = "user_banned"
    LABEL = "banned a person"
    member_id: UserId
    until: datetime
    why: str | None = None
    sealed: str | None = None

    def apply(self, aggregate: RoomState) -> None:
        _set(aggregate.banned_until, self.member_id, self.until, now=self.timestamp)


class BanLifted(AboutMember, UserEvent):
    """A banned user may join again."""

    TOPIC = "ban_lifted"
    LABEL = "lifted a ban"
    member_id: UserId
    why: str | None = None
    sealed: str | None = None

    def apply(self, aggregate: RoomState) -> None:
        aggregate.banned_until.pop(self.member_id, None)


class UserMuted(AboutMember, UserEvent):
    """A member says nothing until a moment, even after leaving and joining again."""

    TOPIC = "user_muted"
    LABEL = "muted a member"
    member_id: UserId
    until: datetime
    why: str | None = None
    sealed: str | None = None

    def apply(self, aggregate: RoomState) -> None:
        _set(aggregate.muted_until, self.member_id, self.until, now=self.timestamp)


class MuteLifted(AboutMember, UserEvent):
    """A muted member may speak again."""

    TOPIC = "mute_lifted"
    LABEL = "lifted a mute"
    member_id: UserId
    why: str | None = None
    sealed: str | None = None

    def apply(self, aggregate: RoomState) -> None:
        aggregate.muted_until.pop(self.member_id, None)


def _set(ends: MutableMapping[UserId, datetime], user_id: UserId, until: datetime, *, now: datetime) -> None:
    """Set the end of a ban or mute; those that ended before `now`, the time of the event, are forgotten."""
    for ended in [each for each, end in ends.items() if end <= now]:
        del ends[ended]
    ends[user_id] = until


class Moderation(Roles):
    """Who was removed, and who is banned or muted."""

    def remove(self, *, user_id: UserId, member_id: UserId, why: str) -> None:
        """Remove a member. Raises InvalidField, NotAMember, NotAllowed, HigherRole, NoSuchMember, ActsOnSelf."""
        self._check_may_moderate(user_id, member_id, why)
        self._check_member(member_id)
        self._remove(user_id, member_id, why)

    def ban(self, *, user_id: UserId, member_id: UserId, minutes: int, why: str, now: datetime) -> None:
        """Keep a user out for some minutes; a member is removed with the same reason.

        Raises InvalidField, NotAMember, NotAllowed, HigherRole, ActsOnSelf.
        """
        self._check_may_moderate(user_id, member_id, why)
        until = now + _duration(minutes)
        self.trigger_event(UserBanned, user_id=user_id, member_id=member_id, until=until, why=why.strip())
        if member_id in self.members:
            self._remove(user_id, member_id, why)

    def lift_ban(self, *, user_id: UserId, member_id: UserId, why: str, now: datetime) -> None:
        """Let a banned user join again. Raises InvalidField, NotAMember, NotAllowed, NotBanned."""
        check_reason(why)
        self.check_moderator(user_id)
        if not (member_id in self.banned_until and is_in_force(self.banned_until[member_id], now)):
            raise NotBanned("This person is not banned from the room.")
        self.trigger_event(BanLifted, user_id=user_id, member_id=member_id, why=why.strip())

    def mute(self, *, user_id: UserId, member_id: UserId, minutes: int, why: str, now: datetime) -> None:
        """Let a member say nothing for some minutes.

        Raises InvalidField, NotAMember, NotAllowed, HigherRole, NoSuchMember, ActsOnSelf.
        """
        self._check_may_moderate(user_id, member_id, why)
        self._check_member(member_id)
        until = now + _duration(minutes)
        self.trigger_event(UserMuted, user_id=user_id, member_id=member_id, until=until, why=why.strip())

    def lift_mute(self, *, user_id: UserId, member_id: UserId, why: str, now: datetime) -> None:
        """Let a muted member speak again.

        Raises InvalidField, NotAMember, NotAllowed, HigherRole, NoSuchMember, ActsOnSelf, NotMuted.
        """
        self._check_may_moderate(user_id, member_id, why)
        self._check_member(member_id)
        if not (member_id in self.muted_until and is_in_force(self.muted_until[member_id], now)):
            raise NotMuted("This person is not muted in the room.")
        self.trigger_event(MuteLifted, user_id=user_id, member_id=member_id, why=why.strip())

    def _remove(self, user_id: UserId, member_id: UserId, why: str) -> None:
        self._name_successor(member_id)
        self.trigger_event(UserLeft, user_id=member_id, removed_by=user_id, why=why.strip())

    def _name_successor(self, member_id: UserId) -> None:
        """Before an operator removes the last owner, another member becomes one."""
        if self.role_of(member_id) == "owner" and not self._other_owners(member_id) and len(self.members) > 1:
            self.name_successor(member_id, why="The last owner was removed.")

    def _check_may_moderate(self, user_id: UserId, member_id: UserId, why: str) -> None:
        check_reason(why)
        self.check_may_act_on(user_id, member_id)
        if user_id == member_id:
            raise ActsOnSelf("This is for other people than yourself.")

    def _check_member(self, member_id: UserId) -> None:
        if member_id not in self.members:
            raise NoSuchMember("There is no such member in this room.")


def _duration(minutes: int) -> timedelta:
    """Raises InvalidField unless this can be the time of a ban or mute."""
    if not 1 <= minutes <= LONGEST_MINUTES:
        raise InvalidField("minutes", f"Give 1 to {LONGEST_MINUTES} minutes.")
    return timedelta(minutes=minutes)
