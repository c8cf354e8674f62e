"""Erasing what people said: what would go and what stays, and doing it."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Protocol
from uuid import uuid4

from domain.chat import Chat, EraseContent, P_co
from domain.errors import InvalidField, NothingToErase, RoomNotFound
from domain.room import ERASED_LIMIT, check_reason
from domain.values import RequestId, RoomId, UserId

IN_THE_LOG = "the log itself holds it"
ROOM_NAME = "it is the name that the room has"


@dataclass(frozen=True, slots=True)
class Worded:
    """An event that has or had words, `at` a version of a room. `kept` says why they stay; None if they do not."""

    room_id: RoomId
    at: int
    kept: str | None = None


class Wordings(Protocol):
    """Finds events that have words."""

    async def has_room(self, room_id: RoomId) -> bool:
        """Whether there is such a room."""

    async def at(self, room_id: RoomId, versions: Sequence[int]) -> list[Worded]:
        """Those of these versions that have words, or had."""

    def of_room(self, room_id: RoomId, *, before: datetime) -> AsyncIterator[Worded]:
        """The messages that were posted earlier and are not erased."""

    def of_user(self, user_id: UserId) -> AsyncIterator[Worded]:
        """The messages of a user, and the names they gave to rooms, that are not erased."""


class Ledger(Protocol):
    """Where it is written outside the store what was erased, so that no backup brings it back."""

    async def words_erased(self, room_id: RoomId, versions: Sequence[int], /) -> None:
        """Write it; return when it is safe."""


@dataclass(slots=True)
class Plan:
    """What one request erases, by room, and what stays of what it asked for."""

    request: RequestId
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


class Erasing(Generic[P_co]):
    """Requests to erase: each is planned first, and a plan that is not carried out changes nothing."""

    def __init__(self, chat: Chat[P_co], wordings: Wordings, ledger: Ledger) -> None:
        self._chat = chat
        self._wordings = wordings
        self._ledger = ledger

    async def plan_versions(self, room_id: RoomId, versions: Sequence[int]) -> Plan:
        """These versions of a room. What is erased already is erased again: it is recorded and told once more.

        Raises RoomNotFound; NothingToErase when one of them is not there or never had words; InvalidField for none or
        more than 1,000.
        """
        if not 1 <= len(versions) <= ERASED_LIMIT:
            raise InvalidField("versions", f"Give 1 to {ERASED_LIMIT:,} versions.")
        await self._check_room(room_id)
        found = await self._wordings.at(room_id, sorted(set(versions)))
        if missing := sorted(set(versions).difference(worded.at for worded in found)):
            raise NothingToErase(f"No words were recorded at version {missing[0]} of this room.")
        plan = _new_plan()
        for worded in found:
            plan.add(worded)
        return plan

    async def plan_places(self, places: Mapping[RoomId, Sequence[int]]) -> Plan:
        """These versions of these rooms, however many, as far as they have words."""
        plan = _new_plan()
        for room_id, versions in places.items():
            for worded in await self._wordings.at(room_id, sorted(versions)):
                plan.add(worded)
        return plan

    async def plan_room(self, room_id: RoomId, *, before: datetime) -> Plan:
        """The messages of a room that were posted before a moment. Raises RoomNotFound."""
        await self._check_room(room_id)
        return await _planned(self._wordings.of_room(room_id, before=before))

    async def plan_user(self, user_id: UserId) -> Plan:
        """What a user said, and the names they gave."""
        return await _planned(self._wordings.of_user(user_id))

    async def carry_out(self, plan: Plan, *, erased_by: UserId, why: str) -> None:
        """Erase what the plan says: one event for each thousand versions of a room, each with its words or not at all.

        After an interruption a new plan finds the rest. Raises InvalidField for the reason.
        """
        check_reason(why)
        for room_id, versions in plan.erased.items():
            for start in range(0, len(versions), ERASED_LIMIT):
                part = tuple(versions[start : start + ERASED_LIMIT])
                await self._chat.erase_content(EraseContent(room_id, part, erased_by, plan.request, why))
                await self._ledger.words_erased(room_id, part)

    async def _check_room(self, room_id: RoomId) -> None:
        if not await self._wordings.has_room(room_id):
            raise RoomNotFound("no such room")


def _new_plan() -> Plan:
    return Plan(RequestId(uuid4()))


async def _planned(found: AsyncIterator[Worded]) -> Plan:
    plan = _new_plan()
    async for worded in found:
        plan.add(worded)
    for versions in plan.erased.values():
        versions.sort()
    return plan
