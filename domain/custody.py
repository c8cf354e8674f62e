"""The record of custody: what must be kept, for how long, what is to be erased, and how its proof was kept: when the
record was verified, when the tree over it began again.

It is one stream, which members do not see.
The numbers of holds and rules are the versions of the events that made them.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, ClassVar, cast
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain.errors import InvalidField, NoSuchHold, NoSuchRequest, NoSuchRule
from domain.events import event_classes
from domain.room import ERASED_LIMIT, check_reason, check_text
from domain.values import RequestId, RoomId, UserId
from domain.words import Words, words

CUSTODY_ID = UUID("6f6e7265-636f-7264-0000-637573746f64")
"""The stream of the one record: "onrecord", then "custod"."""

CASE_LIMIT = 100
MOST_DAYS = 100 * 366
NEVER = 0
"""As a number of days: no duty to keep, or nothing is erased by itself, whatever the rule for all rooms says."""


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


@dataclass(frozen=True, slots=True)
class Target:
    """What a request would erase: words that meet every condition; None means any."""

    person_id: UserId | None = None
    room_id: RoomId | None = None
    versions: tuple[int, ...] | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request: texts that were erased, and texts that stay, by which holds and rules.

    `until` is when the first of those may be erased that only rules keep.
    """

    erased: int
    held: int = 0
    holds: tuple[int, ...] = ()
    rules: tuple[int, ...] = ()
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verification of the whole record found. It holds ids and numbers, never what people typed.

    The first `size` events of the tree `origin` were compared, with this `root`, in base64; those beyond the first
    `beyond`, where 0 is the whole. So many `accounts`, `standings` of them and operator `actions` had seals, with the
    last of these seals, in hex, which stands for all of them.

    `findings` counts what did not fit; `places` names the first of it.
    """

    log_id: str
    origin: str
    size: int
    root: str
    beyond: int
    rows: int
    checkpoints: int
    accounts: int
    accounts_seal: str
    actions: int
    actions_seal: str
    findings: int
    places: list[str]
    standings: int = 0
    standings_seal: str = ""


class Described:
    """What every event of the record says about itself. Its fields are those of the event."""

    WORDS: ClassVar[str | None] = None
    WORDS_OPTIONAL: ClassVar[bool] = False
    user_id: UserId

    @property
    def actor(self) -> UserId:
        """Who did it; OPERATOR at a shell, and where the service did it by itself."""
        return self.user_id

    @property
    def words(self) -> Words | None:
        return None

    @property
    def text(self) -> str | None:
        return self.words.text if self.words is not None else None

    @staticmethod
    def compared(text: str, /) -> str | None:
        return None


class Explained(Described):
    """With the reason that a person gave: words that stand apart from the log."""

    WORDS = "reason"
    reason: str | None
    sealed: str | None

    @property
    def words(self) -> Words:
        return words(self.reason, self.sealed)


class Custody(Aggregate):
    """Holds, rules of retention and requests to erase, and the end of each."""

    TOPIC = "custody"

    class Event(Described, Aggregate.Event):
        """Something in the record. Each kind is `SelfDescribing`, and one of `CustodyEvent`."""

    class CustodyOpened(Event, Aggregate.Created):
        """Version 1 of the record: something is to be kept, or erased, for the first time."""

        TOPIC = "custody_opened"
        LABEL = "opened the record of custody"
        user_id: UserId

    Created = CustodyOpened  # otherwise the library would add a created-event of its own, without a topic

    class HoldPlaced(Explained, Event):
        """Words in the scope of the hold are not erased until it ends.

        The first line of the reason is the name of the case: one event has at most one text.
        """

        TOPIC = "hold_placed"
        LABEL = "placed a hold"
        user_id: UserId
        person_id: UserId | None
        room_id: RoomId | None
        since: datetime | None
        until: datetime | None
        conversations: bool
        reason: str | None = None
        sealed: str | None = None

    class HoldEnded(Explained, Event):
        """What the hold covered may be erased again, unless another one covers it."""

        TOPIC = "hold_ended"
        LABEL = "ended a hold"
        user_id: UserId
        hold: int
        reason: str | None = None
        sealed: str | None = None

    class RetentionSet(Explained, Event):
        """A rule for a room, or for all rooms; it replaces the one before it."""

        TOPIC = "retention_set"
        LABEL = "set a rule of retention"
        user_id: UserId
        room_id: RoomId | None
        keep_days: int | None
        erase_days: int | None
        reason: str | None = None
        sealed: str | None = None

    class RetentionEnded(Explained, Event):
        """The rule no longer applies."""

        TOPIC = "retention_ended"
        LABEL = "ended a rule of retention"
        user_id: UserId
        rule: int
        reason: str | None = None
        sealed: str | None = None

    class ErasureRequested(Explained, Event):
        """These words are to be erased as soon as nothing forbids it."""

        TOPIC = "erasure_requested"
        LABEL = "requested an erasure"
        user_id: UserId
        request: str
        person_id: UserId | None
        room_id: RoomId | None
        versions: list[int] | None
        before: datetime | None
        reason: str | None = None
        sealed: str | None = None

    class ErasureCarriedOut(Event):
        """A request was carried out as far as holds and rules allowed; nothing is left of it when `held` is 0."""

        TOPIC = "erasure_carried_out"
        LABEL = "carried out a request to erase"
        user_id: UserId
        request: str
        erased: int
        held: int
        holds: list[int]
        rules: list[int]
        until: datetime | None

    class AuditRestarted(Explained, Event):
        """The tree of the log begins again, after a log that went back: nothing more is signed in the epoch before.

        `checkpoint` is the last that was signed there, without its signatures; empty where there is none.
        """

        TOPIC = "audit_restarted"
        LABEL = "began the tree of the log again"
        user_id: UserId
        epoch: int
        checkpoint: str
        reason: str | None = None
        sealed: str | None = None

    class AuditKeyChanged(Explained, Event):
        """Another key signs the tree of this epoch, as soon as the key before has signed a tree with this event.

        `statement` names both, and is signed with both: see `audit.signing.key_change`.
        """

        TOPIC = "audit_key_changed"
        LABEL = "changed the key of the log"
        user_id: UserId
        epoch: int
        statement: str
        reason: str | None = None
        sealed: str | None = None

    class RecordVerified(Event):
        """The record was compared with itself and with what was signed. The fields are those of `Verification`."""

        TOPIC = "record_verified"
        LABEL = "verified the record"
        class_version = 2
        user_id: UserId
        log_id: str
        origin: str
        size: int
        root: str
        beyond: int
        rows: int
        checkpoints: int
        accounts: int
        accounts_seal: str
        actions: int
        actions_seal: str
        findings: int
        places: list[str]
        standings: int
        standings_seal: str

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            state |= {"standings": 0, "standings_seal": ""}  # there were no seals of them

    @event(CustodyOpened)
    def __init__(self, *, user_id: UserId) -> None:
        self.holds: set[int] = set()
        self.rules: dict[str, list[int | None]] = {}
        self.requests: set[str] = set()

    @staticmethod
    def create_id(**_: Any) -> UUID:
        """There is one record."""
        return CUSTODY_ID

    def place_hold(self, *, user_id: UserId, scope: Scope, case: str, reason: str) -> None:
        """Forbid to erase what is in the scope. Raises InvalidField, also for a scope without any condition."""
        check_case(case)
        check_reason(reason)
        check_scope(scope)
        self._hold_placed(
            user_id=user_id,
            person_id=scope.person_id,
            room_id=_plain(scope.room_id),
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
        self._hold_ended(user_id=user_id, hold=hold, reason=reason)

    def set_retention(
        self, *, user_id: UserId, room_id: RoomId | None, keep_days: int | None, erase_days: int | None, reason: str
    ) -> None:
        """Set the rule of a room, or of all rooms. Raises InvalidField, also for the rule that is in force already."""
        check_reason(reason)
        check_days(keep_days, erase_days)
        present = self.rules.get(_place(room_id))
        if present is not None and present[1:] == [keep_days, erase_days]:
            raise InvalidField("keep", "This rule is in force already.")
        self._retention_set(
            user_id=user_id, room_id=_plain(room_id), keep_days=keep_days, erase_days=erase_days, reason=reason
        )

    def end_retention(self, *, user_id: UserId, room_id: RoomId | None, reason: str) -> None:
        """End the rule of a room, or of all rooms. Raises NoSuchRule, InvalidField."""
        check_reason(reason)
        if _place(room_id) not in self.rules:
            raise NoSuchRule("this room has no rule of its own" if room_id is not None else "there is no rule for all")
        self._retention_ended(user_id=user_id, rule=cast(int, self.rules[_place(room_id)][0]), reason=reason)

    def request_erasure(self, *, user_id: UserId, request: RequestId, target: Target, reason: str) -> None:
        """Ask for words to be erased. Raises InvalidField, also for a target without a person or a room."""
        check_reason(reason)
        check_target(target)
        self._erasure_requested(
            user_id=user_id,
            request=str(request),
            person_id=target.person_id,
            room_id=_plain(target.room_id),
            versions=sorted(set(target.versions)) if target.versions is not None else None,
            before=target.before,
            reason=reason,
        )

    def carry_out(self, *, user_id: UserId, request: RequestId, outcome: Outcome) -> None:
        """Record what came of a request. Raises NoSuchRequest for one of which nothing is left."""
        if str(request) not in self.requests:
            raise NoSuchRequest(f"no request {request} waits to be carried out")
        self._erasure_carried_out(
            user_id=user_id,
            request=str(request),
            erased=outcome.erased,
            held=outcome.held,
            holds=list(outcome.holds),
            rules=list(outcome.rules),
            until=outcome.until,
        )

    def restart_audit(self, *, user_id: UserId, epoch: int, checkpoint: str, reason: str) -> None:
        """Record that the tree begins again, and with which epoch. Raises InvalidField."""
        check_reason(reason)
        self._audit_restarted(user_id=user_id, epoch=epoch, checkpoint=checkpoint, reason=reason)

    def change_audit_key(self, *, user_id: UserId, epoch: int, statement: str, reason: str) -> None:
        """Record that another key signs the tree from now on. Raises InvalidField."""
        check_reason(reason)
        self._audit_key_changed(user_id=user_id, epoch=epoch, statement=statement, reason=reason)

    def record_verification(self, *, user_id: UserId, verification: Verification) -> None:
        """Record what a verification found."""
        self._record_verified(user_id=user_id, **asdict(verification))

    @event(HoldPlaced)
    def _hold_placed(
        self,
        user_id: UserId,
        person_id: UserId | None,
        room_id: RoomId | None,
        since: datetime | None,
        until: datetime | None,
        conversations: bool,
        reason: str | None = None,
    ) -> None:
        self.holds.add(self.version + 1)  # an event is applied before its version is the aggregate's

    @event(HoldEnded)
    def _hold_ended(self, user_id: UserId, hold: int, reason: str | None = None) -> None:
        self.holds.remove(hold)

    @event(RetentionSet)
    def _retention_set(
        self,
        user_id: UserId,
        room_id: RoomId | None,
        keep_days: int | None,
        erase_days: int | None,
        reason: str | None = None,
    ) -> None:
        self.rules[_place(room_id)] = [self.version + 1, keep_days, erase_days]

    @event(RetentionEnded)
    def _retention_ended(self, user_id: UserId, rule: int, reason: str | None = None) -> None:
        (place,) = (place for place, (version, *_) in self.rules.items() if version == rule)
        del self.rules[place]

    @event(ErasureRequested)
    def _erasure_requested(
        self,
        user_id: UserId,
        request: str,
        person_id: UserId | None,
        room_id: RoomId | None,
        versions: list[int] | None,
        before: datetime | None,
        reason: str | None = None,
    ) -> None:
        self.requests.add(request)

    @event(ErasureCarriedOut)
    def _erasure_carried_out(
        self,
        user_id: UserId,
        request: str,
        erased: int,
        held: int,
        holds: list[int],
        rules: list[int],
        until: datetime | None,
    ) -> None:
        if not held:
            self.requests.remove(request)

    @event(AuditRestarted)
    def _audit_restarted(self, user_id: UserId, epoch: int, checkpoint: str, reason: str | None = None) -> None:
        """Nothing that is in force depends on it."""

    @event(AuditKeyChanged)
    def _audit_key_changed(self, user_id: UserId, epoch: int, statement: str, reason: str | None = None) -> None:
        """Nothing that is in force depends on it."""

    @event(RecordVerified)
    def _record_verified(
        self,
        user_id: UserId,
        log_id: str,
        origin: str,
        size: int,
        root: str,
        beyond: int,
        rows: int,
        checkpoints: int,
        accounts: int,
        accounts_seal: str,
        actions: int,
        actions_seal: str,
        findings: int,
        places: list[str],
        standings: int,
        standings_seal: str,
    ) -> None:
        """Nothing that is in force depends on it."""


CustodyEvent = (
    Custody.CustodyOpened
    | Custody.HoldPlaced
    | Custody.HoldEnded
    | Custody.RetentionSet
    | Custody.RetentionEnded
    | Custody.ErasureRequested
    | Custody.ErasureCarriedOut
    | Custody.AuditRestarted
    | Custody.AuditKeyChanged
    | Custody.RecordVerified
)
"""Every event type of the record. Code that handles them all matches on this and ends in `assert_never`."""

CUSTODY_KINDS = event_classes(Custody)

CUSTODY_TOPICS = tuple(kind.TOPIC for kind in CUSTODY_KINDS)
"""The stored names of its events."""


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


def check_days(keep_days: int | None, erase_days: int | None) -> None:
    """Raises InvalidField for a rule that says nothing, or asks to erase what it asks to keep."""
    if keep_days is None and erase_days is None:
        raise InvalidField("keep", "A rule says how long to keep, when to erase, or both.")
    for field, days in (("keep", keep_days), ("erase_after", erase_days)):
        if days is not None and not 0 <= days <= MOST_DAYS:
            raise InvalidField(field, f"A number of days, up to {MOST_DAYS:,}.")
    if keep_days and erase_days and erase_days < keep_days:
        raise InvalidField("erase_after", "What is to be kept cannot be erased before.")


def check_target(target: Target) -> None:
    """Raises InvalidField for one that names neither a person nor a room, or too many messages."""
    if target.person_id is None and target.room_id is None:
        raise InvalidField("erase", "Name a person or a room.")
    if target.versions is not None:
        if target.room_id is None:
            raise InvalidField("versions", "Name the room of the messages.")
        if not 1 <= len(set(target.versions)) <= ERASED_LIMIT:
            raise InvalidField("versions", f"Name 1 to {ERASED_LIMIT:,} messages.")


def _plain(room_id: RoomId | None) -> RoomId | None:
    """Of the standard library's own type: a driver has another, which no event can hold."""
    return RoomId(UUID(int=room_id.int)) if room_id is not None else None


def _place(room_id: RoomId | None) -> str:
    return room_id.hex if room_id is not None else ""
