"""Erasing what people said: what would go and what stays, and doing it."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Generic, Protocol
from uuid import uuid4

from domain.custody import Outcome, Target
from domain.errors import InvalidField, NothingToErase, RoomNotFound
from domain.ports import P_co
from domain.room import ERASED_LIMIT, check_reason
from domain.room.erasing import ContentErased, EraseContent, TellUserErased
from domain.use_cases.chat import Chat
from domain.use_cases.record import RequestErasure
from domain.values import OPERATOR, RequestId, RoomId, UserId

IN_THE_LOG = "the log itself holds it"
ROOM_NAME = "it is the name that the room has: rename the room first"


@dataclass(frozen=True, slots=True)
class Worded:
    """An event that has or had words, `at` a version of a room. `kept` says why they stay; None if they do not.

    Where they stay for now only, `holds` are those that cover it or, where none does, `rule` is the rule by which they
    are to be kept until `until`.
    """

    room_id: RoomId
    at: int
    kept: str | None = None
    is_erased: bool = False
    holds: tuple[int, ...] = ()
    rule: int | None = None
    until: datetime | None = None

    @property
    def waits(self) -> bool:
        """Whether they may be erased one day."""
        return bool(self.holds) or self.rule is not None


class Wordings(Protocol):
    """Finds events that have words."""

    async def has_room(self, room_id: RoomId) -> bool:
        """Whether there is such a room."""

    async def at(self, room_id: RoomId, versions: Sequence[int]) -> list[Worded]:
        """Those of these versions that have words, or had; of a message all versions."""

    def of_room(self, room_id: RoomId, *, before: datetime) -> AsyncIterator[Worded]:
        """All versions of the messages that were posted earlier, unless they are erased."""

    def of_user(self, user_id: UserId, *, before: datetime) -> AsyncIterator[Worded]:
        """All versions of the earlier messages of a user, the names that they gave to rooms, and the reasons for which
        they retracted messages, unless they are erased.
        """

    async def rooms_of(self, user_id: UserId) -> list[RoomId]:
        """The rooms in which others see the name of a user: where they were ever a member, or are invited."""

    async def erased_for(self, request: RequestId, *, since: datetime) -> int:
        """How many texts were erased for a request that was made at `since`."""


class Requests(Protocol):
    """Keeps requests on record."""

    async def request_erasure(self, command: RequestErasure, /) -> object:
        """Record a request."""

    async def carry_out(self, request: RequestId, outcome: Outcome, /) -> object:
        """Record what came of it. Raises NoSuchRequest for one of which nothing is left."""


class ErasureRecord(Protocol):
    """Where it is written outside the store what was erased, so that no backup brings it back."""

    async def words_erased(self, room_id: RoomId, versions: Sequence[int], /) -> None:
        """Write it; return when it is safe."""


@dataclass(slots=True)
class Plan:
    """What one request erases, by room, and what stays of what it asked for, its `target`."""

    request: RequestId
    target: Target
    erased: dict[RoomId, list[int]] = field(default_factory=lambda: defaultdict(list))
    kept: list[Worded] = field(default_factory=list)

    def add(self, worded: Worded) -> None:
        """Take an event that the request asks for."""
        if worded.kept is None:
            self.erased[worded.room_id].append(worded.at)
        else:
            self.kept.append(worded)

    @property
    def count(self) -> int:
        """How many texts it erases."""
        return sum(len(versions) for versions in self.erased.values())

    @property
    def outcome(self) -> Outcome:
        """What came of it, once it is carried out."""
        waiting = [worded for worded in self.kept if worded.waits]
        return Outcome(
            erased=self.count,
            held=len(waiting),
            holds=tuple(sorted({hold for worded in waiting for hold in worded.holds})),
            rules=tuple(sorted({worded.rule for worded in waiting if worded.rule is not None})),
            until=min((worded.until for worded in waiting if worded.until is not None), default=None),
        )


class Erasing(Generic[P_co]):
    """Requests to erase: each is planned first, and a plan that is not carried out changes nothing."""

    def __init__(self, chat: Chat[P_co], wordings: Wordings, requests: Requests, ledger: ErasureRecord) -> None:
        self._chat = chat
        self._wordings = wordings
        self._requests = requests
        self._ledger = ledger

    def keeping(self, requests: Requests) -> "Erasing[P_co]":
        """The same, with requests kept elsewhere."""
        same = copy(self)
        same._requests = requests
        return same

    async def plan_versions(self, room_id: RoomId, versions: Sequence[int]) -> Plan:
        """These versions of a room, and of each message all its versions. What is erased already is erased again: it is
        recorded and told once more.

        Raises RoomNotFound; NothingToErase when one of them is not there or never had words; InvalidField for none or
        more than 1,000.
        """
        if not 1 <= len(versions) <= ERASED_LIMIT:
            raise InvalidField("versions", f"Give 1 to {ERASED_LIMIT:,} versions.")
        await self._check_room(room_id)
        found = await self._wordings.at(room_id, sorted(set(versions)))
        if missing := sorted(set(versions).difference(worded.at for worded in found)):
            raise NothingToErase(f"No words were recorded at version {missing[0]} of this room.")
        plan = _new_plan(Target(room_id=room_id, versions=tuple(versions)))
        for worded in found:
            plan.add(worded)
        return plan

    async def plan_room(self, room_id: RoomId, *, before: datetime) -> Plan:
        """The messages of a room that were posted before a moment. Raises RoomNotFound."""
        await self._check_room(room_id)
        return await _planned(
            _new_plan(Target(room_id=room_id, before=before)), self._wordings.of_room(room_id, before=before)
        )

    async def plan_user(self, user_id: UserId) -> Plan:
        """What a user said by now, and the names they gave."""
        now = datetime.now(UTC)
        plan = _new_plan(Target(person_id=user_id, before=now))
        return await _planned(plan, self._wordings.of_user(user_id, before=now))

    async def carry_out(self, plan: Plan, *, erased_by: UserId, why: str) -> None:
        """Erase what the plan says: one event for each thousand versions of a room, each with its words or not at all.

        The request is on record before, and then what came of it. What holds and rules keep waits, and the service goes
        on with it; so it does after an interruption. Of a user who is erased, their rooms are told first. Raises
        InvalidField for the reason; the store raises when a hold was placed meanwhile.
        """
        check_reason(why)
        await self._requests.request_erasure(RequestErasure(erased_by, plan.request, plan.target, why))
        if plan.target.person_id is not None:
            await self.tell_user_erased(plan.target.person_id, erased_by=erased_by)
        await self._erase(plan, erased_by, why)
        await self._requests.carry_out(plan.request, plan.outcome)

    async def tell_user_erased(self, user_id: UserId, *, erased_by: UserId) -> None:
        """Tell each room in which others see the name of a user that the account was erased."""
        for room_id in await self._wordings.rooms_of(user_id):
            await self._chat.tell_user_erased(TellUserErased(room_id, user_id, erased_by))

    async def go_on(
        self,
        request: RequestId,
        target: Target,
        *,
        erased_by: UserId,
        why: str,
        since: datetime,
        counted: int,
        was_interrupted: bool,
    ) -> Plan:
        """Erase what is left of a request on record and is no longer kept; returns what came of it.

        It was made at `since`, and `counted` texts are on record as erased for it: what a process erased that died
        before it said so is counted now. One that `was_interrupted` tells rooms again of the user who was erased.
        """
        if was_interrupted and target.person_id is not None:
            await self.tell_user_erased(target.person_id, erased_by=erased_by)
        plan = await _planned(Plan(request, target), self._left_of(target))
        await self._erase(plan, erased_by, why)
        erased = await self._wordings.erased_for(request, since=since) - counted
        await self._requests.carry_out(plan.request, replace(plan.outcome, erased=max(0, erased)))
        return plan

    async def erase(self, room_id: RoomId, versions: Sequence[int], *, why: str, request: RequestId) -> None:
        """Erase words as the service does by itself: at most 1,000 of a room, or none."""
        await self._erase_part(EraseContent(room_id, tuple(versions), OPERATOR, request, why))

    async def _left_of(self, target: Target) -> AsyncIterator[Worded]:
        """What a request asks for and is not erased."""
        if target.person_id is not None and target.before is not None:
            found = self._wordings.of_user(target.person_id, before=target.before)
        elif target.room_id is not None and target.before is not None:
            found = self._wordings.of_room(target.room_id, before=target.before)
        else:
            found = self._at(target)
        async for worded in found:
            if not worded.is_erased:
                yield worded

    async def _at(self, target: Target) -> AsyncIterator[Worded]:
        assert target.room_id is not None
        assert target.versions is not None
        for worded in await self._wordings.at(target.room_id, target.versions):
            yield worded

    async def _erase(self, plan: Plan, erased_by: UserId, why: str) -> None:
        for room_id, versions in plan.erased.items():
            for start in range(0, len(versions), ERASED_LIMIT):
                part = tuple(versions[start : start + ERASED_LIMIT])
                await self._erase_part(EraseContent(room_id, part, erased_by, plan.request, why))

    async def _erase_part(self, command: EraseContent) -> None:
        """The event says what it erased: also what a message was changed to since the plan."""
        erased = (await self._chat.erase_content(command)).event
        assert isinstance(erased, ContentErased)
        await self._ledger.words_erased(command.room_id, erased.versions)

    async def _check_room(self, room_id: RoomId) -> None:
        if not await self._wordings.has_room(room_id):
            raise RoomNotFound("no such room")


def _new_plan(target: Target) -> Plan:
    return Plan(RequestId(uuid4()), target)


async def _planned(plan: Plan, found: AsyncIterator[Worded]) -> Plan:
    async for worded in found:
        plan.add(worded)
    for versions in plan.erased.values():
        versions.sort()
    return plan
