"""Requests to erase: what was asked for, and what came of it so far."""

from dataclasses import dataclass
from datetime import datetime

from domain.custody.event import CustodyEventBase, Explained
from domain.custody.state import CustodyState, plain
from domain.errors import InvalidField, NoSuchRequest
from domain.room import ERASED_LIMIT, check_reason
from domain.values import RequestId, RoomId, UserId


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


class ErasureRequested(Explained, CustodyEventBase):
    """These words are to be erased as soon as nothing forbids it."""

    TOPIC = "erasure_requested"
    LABEL = "requested an erasure"
    request: str
    person_id: UserId | None
    room_id: RoomId | None
    versions: list[int] | None
    before: datetime | None
    reason: str | None = None
    sealed: str | None = None

    def apply(self, aggregate: CustodyState) -> None:
        aggregate.requests.add(self.request)


class ErasureCarriedOut(CustodyEventBase):
    """A request was carried out as far as holds and rules allowed; nothing is left of it when `held` is 0."""

    TOPIC = "erasure_carried_out"
    LABEL = "carried out a request to erase"
    request: str
    erased: int
    held: int
    holds: list[int]
    rules: list[int]
    until: datetime | None

    def apply(self, aggregate: CustodyState) -> None:
        if not self.held:
            aggregate.requests.remove(self.request)


class Requesting(CustodyState):
    """Which requests wait."""

    def request_erasure(self, *, user_id: UserId, request: RequestId, target: Target, reason: str) -> None:
        """Ask for words to be erased. Raises InvalidField, also for a target without a person or a room."""
        check_reason(reason)
        check_target(target)
        self.trigger_event(
            ErasureRequested,
            user_id=user_id,
            request=str(request),
            person_id=target.person_id,
            room_id=plain(target.room_id),
            versions=sorted(set(target.versions)) if target.versions is not None else None,
            before=target.before,
            reason=reason,
        )

    def carry_out(self, *, user_id: UserId, request: RequestId, outcome: Outcome) -> None:
        """Record what came of a request. Raises NoSuchRequest for one of which nothing is left."""
        if str(request) not in self.requests:
            raise NoSuchRequest(f"no request {request} waits to be carried out")
        self.trigger_event(
            ErasureCarriedOut,
            user_id=user_id,
            request=str(request),
            erased=outcome.erased,
            held=outcome.held,
            holds=list(outcome.holds),
            rules=list(outcome.rules),
            until=outcome.until,
        )


def check_target(target: Target) -> None:
    """Raises InvalidField for one that names neither a person nor a room, or too many messages."""
    if target.person_id is None and target.room_id is None:
        raise InvalidField("erase", "Name a person or a room.")
    if target.versions is not None:
        if target.room_id is None:
            raise InvalidField("versions", "Name the room of the messages.")
        if not 1 <= len(set(target.versions)) <= ERASED_LIMIT:
            raise InvalidField("versions", f"Name 1 to {ERASED_LIMIT:,} messages.")
