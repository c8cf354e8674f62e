"""Carrying out rules of retention: what is old enough is erased, in slices, unless a hold or a duty keeps it."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID, uuid5

from domain.custody import CUSTODY_ID
from domain.values import RequestId, RoomId

SLICES = 20
"""How many slices are erased in one run, about: others are to have their turn, and a run is to end."""

PAGES = 50
"""How often a run looks for more, also where all that it finds is kept."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far the rooms have been gone through: the versions of a room up to this one."""

    room_id: RoomId
    up_to: int


BEGINNING = Place(RoomId(UUID(int=0)), 0)


@dataclass(frozen=True, slots=True)
class OldSlice:
    """Messages of one room that a rule says to erase; `versions` are those that nothing keeps."""

    rule: int
    erase_days: int
    room_id: RoomId
    versions: tuple[int, ...]


class OldMessages(Protocol):
    """Finds what the rules say to erase."""

    async def beyond(self, place: Place) -> tuple[Sequence[OldSlice], Place | None]:
        """The next slices, at most one of a room, and the place from which to go on; None at the end."""


class Eraser(Protocol):
    """Erases."""

    async def erase(self, room_id: RoomId, versions: Sequence[int], *, why: str, request: RequestId) -> object:
        """Erase these words, at most 1,000 of a room, or none of them."""


class Disposition:
    """Goes through all rooms, again and again; each run goes on where the one before it stopped."""

    def __init__(self, old: OldMessages, eraser: Eraser) -> None:
        self._old = old
        self._eraser = eraser
        self._place = BEGINNING

    async def run(self) -> int:
        """Erase some slices; returns how many messages. Between two slices, it waits as long as one took."""
        erased = slices = 0
        for _ in range(PAGES):
            found, place = await self._old.beyond(self._place)
            for each in found:
                if each.versions:
                    await self._erase(each)
                    erased, slices = erased + len(each.versions), slices + 1
            self._place = place or BEGINNING
            if place is None or slices >= SLICES:
                break
        return erased

    async def _erase(self, each: OldSlice) -> None:
        started = time.monotonic()
        why = f"rule {each.rule}: erased after {each.erase_days} days"
        await self._eraser.erase(each.room_id, each.versions, why=why, request=request_of(each.rule))
        await asyncio.sleep(time.monotonic() - started)


def request_of(rule: int) -> RequestId:
    """The request that a rule stands for: the same for everything that it erases."""
    return RequestId(uuid5(CUSTODY_ID, f"rule {rule}"))
