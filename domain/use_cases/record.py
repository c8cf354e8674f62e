"""The use cases of the record of custody: each has a command, and a method of `Record` that carries it out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from domain.custody import CUSTODY_ID, Custody, CustodyEvent, Outcome, Scope, Target, Verification
from domain.values import OPERATOR, RequestId, RoomId, UserId


@dataclass(frozen=True, slots=True)
class PlaceHold:
    """Forbid to erase what is in the scope, until the hold ends."""

    user_id: UserId
    scope: Scope
    case: str
    reason: str


@dataclass(frozen=True, slots=True)
class EndHold:
    """End a hold."""

    user_id: UserId
    hold: int
    reason: str


@dataclass(frozen=True, slots=True)
class SetRetention:
    """Set the rule of a room, or of all rooms. None: says nothing; 0 days: no duty, or nothing erased by itself."""

    user_id: UserId
    room_id: RoomId | None
    keep_days: int | None
    erase_days: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class EndRetention:
    """End the rule of a room, or of all rooms."""

    user_id: UserId
    room_id: RoomId | None
    reason: str


@dataclass(frozen=True, slots=True)
class RequestErasure:
    """Ask for words to be erased as soon as nothing forbids it."""

    user_id: UserId
    request: RequestId
    target: Target
    reason: str


@dataclass(frozen=True, slots=True)
class RestartAudit:
    """Begin the tree of the log again. `checkpoint`: the last that was signed before."""

    user_id: UserId
    epoch: int
    checkpoint: str
    reason: str


@dataclass(frozen=True, slots=True)
class ChangeAuditKey:
    """Have another key sign the tree of the log. `statement`: what both keys signed."""

    user_id: UserId
    epoch: int
    statement: str
    reason: str


P_co = TypeVar("P_co", covariant=True)
"""The type of the store's positions. The use cases only pass them on."""


class RecordedEntry(Protocol[P_co]):
    """An event of the record in the log, and its position."""

    @property
    def position(self) -> P_co: ...

    @property
    def event(self) -> CustodyEvent: ...


class Records(Protocol[P_co]):
    """Stores the record. It is there: the first change opens it."""

    async def change(self, stream_id: UUID, command: Callable[[Custody], None], /) -> RecordedEntry[P_co]:
        """Apply `command` to the record's current state. Returns the last event recorded, after commit."""


class Record(Generic[P_co]):
    """The use cases of custody. Every method returns the recorded event, after commit; its version is the number of
    the hold or the rule.

    Raises what `domain.errors` lists when the rules refuse; the store raises its own errors when it cannot record.
    """

    def __init__(self, records: Records[P_co]) -> None:
        self._records = records

    async def place_hold(self, command: PlaceHold) -> RecordedEntry[P_co]:
        """Place a hold. Raises InvalidField."""
        return await self._change(
            lambda custody: custody.place_hold(
                user_id=command.user_id, scope=command.scope, case=command.case, reason=command.reason
            )
        )

    async def end_hold(self, command: EndHold) -> RecordedEntry[P_co]:
        """End a hold. Raises NoSuchHold, InvalidField."""
        return await self._change(
            lambda custody: custody.end_hold(user_id=command.user_id, hold=command.hold, reason=command.reason)
        )

    async def set_retention(self, command: SetRetention) -> RecordedEntry[P_co]:
        """Set a rule. Raises InvalidField."""
        return await self._change(
            lambda custody: custody.set_retention(
                user_id=command.user_id,
                room_id=command.room_id,
                keep_days=command.keep_days,
                erase_days=command.erase_days,
                reason=command.reason,
            )
        )

    async def end_retention(self, command: EndRetention) -> RecordedEntry[P_co]:
        """End a rule. Raises NoSuchRule, InvalidField."""
        return await self._change(
            lambda custody: custody.end_retention(
                user_id=command.user_id, room_id=command.room_id, reason=command.reason
            )
        )

    async def request_erasure(self, command: RequestErasure) -> RecordedEntry[P_co]:
        """Record a request; what carries it out is `api.custody`. Raises InvalidField."""
        return await self._change(
            lambda custody: custody.request_erasure(
                user_id=command.user_id, request=command.request, target=command.target, reason=command.reason
            )
        )

    async def carry_out(self, request: RequestId, outcome: Outcome) -> RecordedEntry[P_co]:
        """Record what came of a request. Raises NoSuchRequest."""
        return await self._change(lambda custody: custody.carry_out(user_id=OPERATOR, request=request, outcome=outcome))

    async def restart_audit(self, command: RestartAudit) -> RecordedEntry[P_co]:
        """Record that the tree begins again. Raises InvalidField."""
        return await self._change(
            lambda custody: custody.restart_audit(
                user_id=command.user_id,
                epoch=command.epoch,
                checkpoint=command.checkpoint,
                reason=command.reason,
            )
        )

    async def change_audit_key(self, command: ChangeAuditKey) -> RecordedEntry[P_co]:
        """Record that another key signs the tree from now on. Raises InvalidField."""
        return await self._change(
            lambda custody: custody.change_audit_key(
                user_id=command.user_id,
                epoch=command.epoch,
                statement=command.statement,
                reason=command.reason,
            )
        )

    async def record_verification(self, verification: Verification) -> RecordedEntry[P_co]:
        """Record what a verification of the whole record found."""
        return await self._change(
            lambda custody: custody.record_verification(user_id=OPERATOR, verification=verification)
        )

    async def _change(self, command: Callable[[Custody], None]) -> RecordedEntry[P_co]:
        return await self._records.change(CUSTODY_ID, command)
