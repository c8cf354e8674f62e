"""Rules of retention: keep at least some days, erase after some days."""

from typing import cast

from domain.custody.event import CustodyEventBase, Explained
from domain.custody.state import CustodyState, place_of, plain
from domain.errors import InvalidField, NoSuchRule
from domain.room import check_reason
from domain.values import RoomId, UserId

MOST_DAYS = 100 * 366
NEVER = 0
"""As a number of days: no duty to keep, or nothing is erased by itself, whatever the rule for all rooms says."""


class RetentionSet(Explained, CustodyEventBase):
    """A rule for a room, or for all rooms; it replaces the one before it."""

    TOPIC = "retention_set"
    LABEL = "set a rule of retention"
    room_id: RoomId | None
    keep_days: int | None
    erase_days: int | None
    reason: str | None = None
    sealed: str | None = None

    def apply(self, aggregate: CustodyState) -> None:
        aggregate.rules[place_of(self.room_id)] = [self.originator_version, self.keep_days, self.erase_days]


class RetentionEnded(Explained, CustodyEventBase):
    """The rule no longer applies."""

    TOPIC = "retention_ended"
    LABEL = "ended a rule of retention"
    rule: int
    reason: str | None = None
    sealed: str | None = None

    def apply(self, aggregate: CustodyState) -> None:
        (place,) = (place for place, (version, *_) in aggregate.rules.items() if version == self.rule)
        del aggregate.rules[place]


class Retaining(CustodyState):
    """Which rules are in force."""

    def set_retention(
        self, *, user_id: UserId, room_id: RoomId | None, keep_days: int | None, erase_days: int | None, reason: str
    ) -> None:
        """Set the rule of a room, or of all rooms. Raises InvalidField, also for the rule that is in force already."""
        check_reason(reason)
        check_days(keep_days, erase_days)
        present = self.rules.get(place_of(room_id))
        if present is not None and present[1:] == [keep_days, erase_days]:
            raise InvalidField("keep", "This rule is in force already.")
        self.trigger_event(
            RetentionSet,
            user_id=user_id,
            room_id=plain(room_id),
            keep_days=keep_days,
            erase_days=erase_days,
            reason=reason,
        )

    def end_retention(self, *, user_id: UserId, room_id: RoomId | None, reason: str) -> None:
        """End the rule of a room, or of all rooms. Raises NoSuchRule, InvalidField."""
        check_reason(reason)
        if place_of(room_id) not in self.rules:
            raise NoSuchRule("this room has no rule of its own" if room_id is not None else "there is no rule for all")
        rule = cast(int, self.rules[place_of(room_id)][0])
        self.trigger_event(RetentionEnded, user_id=user_id, rule=rule, reason=reason)


def check_days(keep_days: int | None, erase_days: int | None) -> None:
    """Raises InvalidField for a rule that says nothing, or asks to erase what it asks to keep."""
    if keep_days is None and erase_days is None:
        raise InvalidField("keep", "A rule says how long to keep, when to erase, or both.")
    for field, days in (("keep", keep_days), ("erase_after", erase_days)):
        if days is not None and not 0 <= days <= MOST_DAYS:
            raise InvalidField(field, f"A number of days, up to {MOST_DAYS:,}.")
    if keep_days and erase_days and erase_days < keep_days:
        raise InvalidField("erase_after", "What is to be kept cannot be erased before.")
