"""Legal holds: words that nothing erases."""

from dataclasses import dataclass
from datetime import datetime

from domain.custody.event import CustodyEventBase, Explained
from domain.custody.state import CustodyState, plain
from domain.errors import InvalidField, NoSuchHold
from domain.room import check_reason, check_text
from domain.values import RoomId, UserId

CASE_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Scope:
    """What a hold covers: words that meet every condition; None means any.

    `conversations`: not only what the person typed, but all that they could read in the rooms that they were in.
    """

    person_id: UserId | None = None
    room_id: RoomId | None = None
    since: datetime | None = None
    until: datetime | None = None
    conversations: bool = False


class HoldPlaced(Explained, CustodyEventBase):
    """Words in the scope of the hold are not erased until it ends.

    The first line of the reason is the name of the case: one event has at most one text.
    """

    TOPIC = "hold_placed"
    LABEL = "placed a hold"
    person_id: UserId | None
    room_id: RoomId | None
    since: datetime | None
    until: datetime | None
    conversations: bool
    reason: str | None = None
    sealed: str | None = None

    def apply(self, aggregate: CustodyState) -> None:
        aggregate.holds.add(self.originator_version)


class HoldEnded(Explained, CustodyEventBase):
    """What the hold covered may be erased again, unless another one covers it."""

    TOPIC = "hold_ended"
    LABEL = "ended a hold"
    hold: int
    reason: str | None = None
    sealed: str | None = None

    def apply(self, aggregate: CustodyState) -> None:
        aggregate.holds.remove(self.hold)


class Holding(CustodyState):
    """Which holds are in force."""

    def place_hold(self, *, user_id: UserId, scope: Scope, case: str, reason: str) -> None:
        """Forbid to erase what is in the scope. Raises InvalidField, also for a scope without any condition."""
        check_case(case)
        check_reason(reason)
        check_scope(scope)
        self.trigger_event(
            HoldPlaced,
            user_id=user_id,
            person_id=scope.person_id,
            room_id=plain(scope.room_id),
            since=scope.since,
            until=scope.until,
            conversations=scope.conversations,
            reason=f"{case.strip()}\n{reason}",
        )

    def end_hold(self, *, user_id: UserId, hold: int, reason: str) -> None:
        """Raises NoSuchHold, InvalidField."""
        check_reason(reason)
        if hold not in self.holds:
            raise NoSuchHold(f"no hold {hold} is in force")
        self.trigger_event(HoldEnded, user_id=user_id, hold=hold, reason=reason)


def case_and_reason(text: str) -> tuple[str, str]:
    """The words of a hold: the name of its case and the reason; both empty where they were erased."""
    case, _, reason = text.partition("\n")
    return case, reason


def check_case(case: str) -> None:
    """Raises InvalidField unless it can name a case: 1 to 100 characters on one line."""
    check_text("case", case)
    if len(case) > CASE_LIMIT:
        raise InvalidField("case", f"Ensure this field has no more than {CASE_LIMIT} characters.")
    if len(case.strip().splitlines()) != 1:
        raise InvalidField("case", "The name of a case is one line of text.")


def check_scope(scope: Scope) -> None:
    """Raises InvalidField for a hold on everything, and for one on nothing."""
    if (scope.person_id, scope.room_id, scope.since, scope.until) == (None, None, None, None):
        raise InvalidField("hold", "Name a person, a room or a span of time.")
    if scope.since is not None and scope.until is not None and scope.since >= scope.until:
        raise InvalidField("until", "The span ends before it begins.")
    if scope.conversations and scope.person_id is None:
        raise InvalidField("conversations", "Name the person whose conversations are to be kept.")
