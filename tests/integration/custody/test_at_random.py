"""Whatever is posted, held, requested, ruled and ended, in whatever order: nothing that is to be kept goes, and in the
end everything that waited goes.
"""

import contextlib
import random
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg
import pytest

from api.wiring import create_fold
from domain.custody import Scope
from domain.errors import LastOwner
from domain.room.membership import JoinRoom, LeaveRoom
from domain.room.messages import PostMessage
from domain.use_cases.record import EndHold, PlaceHold
from domain.values import OPERATOR, RoomId, UserId
from projections.readmodels.custody.queries import read_holds, read_requests
from replay.rebuild.rebuild import rebuild
from replay.rebuild.verify import verify
from tests.support.custody import CASE, WHY, carry_out, days_ago, end_rule, erase, remaining, set_rule
from tests.support.store import Store, open_store

PEOPLE = tuple(UserId(number) for number in range(1, 5))
OLD_DAYS = 40.0
KEEP, ERASE = 10, 30
"""Days: a duty keeps the young, a rule erases the old."""


@dataclass(frozen=True)
class Said:
    """A message."""

    room: RoomId
    version: int
    author: UserId
    at: datetime
    is_old: bool


@dataclass
class Model:
    """What should be there."""

    said: list[Said] = field(default_factory=list)
    stays: dict[tuple[RoomId, UserId], list[list[int | None]]] = field(default_factory=dict)
    holds: dict[int, Scope] = field(default_factory=dict)
    keeps: bool = False
    erases: bool = False
    wanted: set[Said] = field(default_factory=set)
    gone: set[Said] = field(default_factory=set)

    def is_kept(self, said: Said) -> bool:
        return (self.keeps and not said.is_old) or any(self._covers(scope, said) for scope in self.holds.values())

    def _covers(self, scope: Scope, said: Said) -> bool:
        return (
            scope.room_id in (None, said.room)
            and (scope.since is None or said.at >= scope.since)
            and (scope.until is None or said.at < scope.until)
            and (
                scope.person_id in (None, said.author)
                or (scope.conversations and self._could_read(scope.person_id, said))
            )
        )

    def _could_read(self, person: UserId | None, said: Said) -> bool:
        assert person is not None
        stays = self.stays.get((said.room, person), [])
        return any(left is None or left > said.version for _, left in stays)

    def carry_out(self) -> None:
        """What the service does."""
        wanted = {said for said in self.said if said.is_old} if self.erases else set()
        self.gone |= {said for said in self.wanted | wanted if not self.is_kept(said)}

    def left_in(self, room: RoomId) -> list[int]:
        return [said.version for said in self.said if said.room == room and said not in self.gone]


class Life:
    """Random actions on a service and on the model of it."""

    def __init__(self, store: Store, chance: random.Random) -> None:
        self.store, self.chance, self.model = store, chance, Model()
        self.rooms: list[RoomId] = []

    async def begin(self) -> None:
        for number in range(3):
            with days_ago(OLD_DAYS):
                room = await self.store.open_room(f"Room {number}", by=PEOPLE[0])
            self.rooms.append(room)
            self.model.stays[room, PEOPLE[0]] = [[2, None]]
        with days_ago(OLD_DAYS):
            for _ in range(8):
                await self.move()
            for _ in range(15):
                await self.post(is_old=True)

    async def post(self, *, is_old: bool = False) -> None:
        room = self.chance.choice(self.rooms)
        members = [person for person in PEOPLE if self._is_member(room, person)]
        if not members:
            await self.move()
            return
        author = self.chance.choice(members)
        recorded = await self.store.chat.post_message(PostMessage(room, author, "words"))
        event = recorded.event
        self.model.said.append(Said(room, event.originator_version, author, event.timestamp, is_old))

    async def move(self) -> None:
        room, person = self.chance.choice(self.rooms), self.chance.choice(PEOPLE)
        stays = self.model.stays.setdefault((room, person), [])
        if self._is_member(room, person):
            with contextlib.suppress(LastOwner):
                left = await self.store.chat.leave_room(LeaveRoom(room, person))
                stays[-1][1] = left.event.originator_version
        else:
            joined = await self.store.chat.join_room(JoinRoom(room, person))
            stays.append([joined.event.originator_version, None])

    async def place(self) -> None:
        scope = self._scope()
        placed = await self.store.record.place_hold(PlaceHold(OPERATOR, scope, CASE, WHY))
        self.model.holds[placed.event.originator_version] = scope

    async def end(self) -> None:
        if self.model.holds:
            hold = self.chance.choice(list(self.model.holds))
            await self.store.record.end_hold(EndHold(OPERATOR, hold, "settled"))
            del self.model.holds[hold]

    async def request(self) -> None:
        erasing, said = self.store.erasing, self.model.said
        room, person = self.chance.choice(self.rooms), self.chance.choice(PEOPLE)
        match self.chance.randrange(3):
            case 0:
                plan, wanted = await erasing.plan_user(person), {each for each in said if each.author == person}
            case 1 if mine := [each for each in said if each.room == room]:
                some = self.chance.sample(mine, min(len(mine), 3))
                plan, wanted = await erasing.plan_versions(room, [each.version for each in some]), set(some)
            case _:
                before = self.chance.choice(said).at if said else datetime.now().astimezone()
                plan = await erasing.plan_room(room, before=before)
                wanted = {each for each in said if each.room == room and each.at < before}
        await erase(self.store, plan)
        self.model.gone |= {each for each in wanted if not self.model.is_kept(each)}
        self.model.wanted |= wanted

    async def rule(self) -> None:
        keeps, erases = self.chance.random() < 0.5, self.chance.random() < 0.3
        if (keeps, erases) == (self.model.keeps, self.model.erases):
            return
        if keeps or erases:
            await set_rule(self.store, keep=KEEP if keeps else None, erase=ERASE if erases else None)
        else:
            await end_rule(self.store)
        self.model.keeps, self.model.erases = keeps, erases

    async def carry_out(self) -> None:
        await carry_out(self.store)
        self.model.carry_out()

    async def end_everything(self) -> None:
        while self.model.holds:
            await self.end()
        if self.model.keeps or self.model.erases:
            await end_rule(self.store)
            self.model.keeps = self.model.erases = False
        await self.carry_out()

    def _is_member(self, room: RoomId, person: UserId) -> bool:
        stays = self.model.stays.get((room, person), [])
        return bool(stays) and stays[-1][1] is None

    def _scope(self) -> Scope:
        chosen: dict[str, Any] = {}
        if self.chance.random() < 0.5:
            chosen["person_id"] = self.chance.choice(PEOPLE)
            chosen["conversations"] = self.chance.random() < 0.3
        if self.chance.random() < 0.4:
            chosen["room_id"] = self.chance.choice(self.rooms)
        times = sorted({said.at for said in self.model.said})
        if times and self.chance.random() < 0.3:
            chosen["since"] = self.chance.choice(times)
        if len(times) > 1 and self.chance.random() < 0.3:
            chosen["until"] = self.chance.choice(times[1:])
        if chosen.get("since") and chosen.get("until") and chosen["since"] >= chosen["until"]:
            del chosen["until"]
        return Scope(**(chosen or {"room_id": self.rooms[0]}))


@pytest.mark.parametrize("seed", range(5))
async def test_nothing_that_is_kept_goes_and_everything_that_waited_goes_in_the_end(
    database_url: str, seed: int
) -> None:
    chance = random.Random(seed)
    psql = await asyncpg.connect(database_url)
    async with open_store(database_url) as store:
        life = Life(store, chance)
        await life.begin()
        for _ in range(12):
            await life.post()
        actions = (life.post, life.post, life.move, life.place, life.end, life.request, life.rule, life.carry_out)
        for step in range(60):
            action = chance.choice(actions)
            await action()
            for room in life.rooms:
                assert await remaining(room, psql) == life.model.left_in(room), (seed, step, action.__name__)
        assert {hold.hold for hold in await read_holds(psql, with_ended=False)} == set(life.model.holds)
        await rebuild(create_fold(), database_url, lambda _: None)
        await life.end_everything()
        assert life.model.wanted <= life.model.gone
        for room in life.rooms:
            assert await remaining(room, psql) == life.model.left_in(room)
        assert await read_requests(psql, with_done=False, limit=100) == []
        verified = await verify(create_fold(), database_url, lambda _: None)
        assert (verified.differences, verified.findings) == ([], [])
    await psql.close()
