"""Rules of retention, and requests that wait for holds and duties, are carried out by the service."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest

from domain.errors import InvalidField, NoSuchRule
from domain.room.membership import JoinRoom, LeaveRoom
from domain.room.messages import PostMessage
from domain.use_cases.record import RequestErasure
from domain.values import OPERATOR, RoomId, UserId
from eventstore.errors import WordsHeld
from postgres.locks import DISPOSITION
from projections.readmodels.custody import old_messages
from projections.readmodels.custody.queries import read_requests, read_rules
from tests.integration.conftest import StartServer
from tests.support.conditions import eventually
from tests.support.custody import WHY, carry_out, days_ago, end, end_rule, erase, place, remaining, set_rule
from tests.support.given_when_then import ADA, BOB
from tests.support.store import Store, open_store

OLD, YOUNG = 40.0, 5.0


@pytest.fixture
async def psql(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def room_with(store: Store, *ages: float, name: str) -> RoomId:
    """A room in which ada said something so many days ago, at versions 3, 4, …"""
    with days_ago(OLD):
        room_id = await store.open_room(name, by=ADA)
    for age in ages:
        with days_ago(age):
            await store.chat.post_message(PostMessage(room_id, ADA, f"{age} days ago"))
    return room_id


async def test_a_rule_erases_what_is_old_enough_and_says_so_in_the_room(store: Store, psql: asyncpg.Connection) -> None:
    room = await room_with(store, OLD, OLD, YOUNG, name="General")
    await carry_out(store)
    assert await remaining(room, psql) == [3, 4, 5]
    rule = await set_rule(store, erase=30)
    await carry_out(store)
    assert await remaining(room, psql) == [5]
    page = (await store.queries.messages(ADA, room, page=1)).value
    assert page is not None
    whys = [message.erased and message.erased.why for message in page.results if message.content == ""]
    assert whys == [f"rule {rule}: erased after 30 days"] * 2
    before = await store.versions(room)
    await carry_out(store)
    assert await store.versions(room) == before


async def test_days_of_a_rule_have_24_hours_to_erase_and_to_keep(store: Store, psql: asyncpg.Connection) -> None:
    room = await room_with(store, 30.01, 29.99, 10.01, 9.99, name="General")
    rule = await set_rule(store, keep=10, erase=30)
    await carry_out(store)
    assert await remaining(room, psql) == [4, 5, 6]
    plan = await erase(store, await store.erasing.plan_versions(room, [4, 5, 6]))
    assert [(worded.at, worded.rule) for worded in plan.kept] == [(6, rule)]
    assert await remaining(room, psql) == [6]


async def test_what_the_rule_of_a_room_does_not_say_is_as_the_rule_for_all_rooms_says(
    store: Store, psql: asyncpg.Connection
) -> None:
    plain, exempt, kept, own = [
        await room_with(store, OLD, YOUNG, name=name) for name in ("plain", "exempt", "kept", "own")
    ]
    await set_rule(store, erase=30)
    await set_rule(store, exempt, erase=0)
    await set_rule(store, kept, keep=365)
    await set_rule(store, own, erase=3)
    await carry_out(store)
    assert [await remaining(room, psql) for room in (plain, exempt, kept, own)] == [[4], [3, 4], [3, 4], []]
    await end_rule(store, exempt)
    await set_rule(store, kept, keep=0)
    await carry_out(store)
    assert [await remaining(room, psql) for room in (exempt, kept)] == [[4], [4]]
    assert [(rule.room_id, rule.keep_days, rule.erase_days) for rule in await read_rules(psql)] == [
        (None, None, 30),
        (own, None, 3),
        (kept, 0, None),
    ]


async def test_rules_go_on_through_many_rooms_and_many_messages(
    store: Store, psql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(old_messages, "SLICES", old_messages.SLICES.replace("500", "2").replace("LIMIT 100", "LIMIT 2"))
    monkeypatch.setattr(old_messages, "SLICE", 2)
    monkeypatch.setattr(old_messages, "ROOMS", 2)
    rooms = [await room_with(store, *[OLD] * n, YOUNG, name=f"room {n}") for n in (5, 0, 1, 4, 2)]
    hold = await place(store, room_id=rooms[3])
    await set_rule(store, erase=30)
    await carry_out(store)
    assert [len(await remaining(room, psql)) for room in rooms] == [1, 1, 1, 5, 1]
    await end(store, hold)
    await carry_out(store)
    assert [len(await remaining(room, psql)) for room in rooms] == [1, 1, 1, 1, 1]


async def test_a_hold_beats_a_rule_to_erase_and_when_it_ends_the_rule_goes_on(
    store: Store, psql: asyncpg.Connection
) -> None:
    room = await room_with(store, OLD, OLD, name="General")
    hold = await place(store, person_id=ADA)
    await set_rule(store, erase=30)
    await carry_out(store)
    assert await remaining(room, psql) == [3, 4]
    await end(store, hold)
    await carry_out(store)
    assert await remaining(room, psql) == []


async def test_a_refused_erasure_says_which_hold_or_which_duty_and_until_when(
    store: Store, psql: asyncpg.Connection
) -> None:
    room = await room_with(store, OLD, YOUNG, name="General")
    rule = await set_rule(store, keep=30)
    plan = await store.erasing.plan_versions(room, [3, 4])
    assert plan.erased == {room: [3]}
    (kept,) = plan.kept
    assert kept.kept is not None
    assert kept.kept.startswith(f"rule {rule} keeps it until 20")
    holds = [await place(store, room_id=room), await place(store, person_id=ADA)]
    plan = await store.erasing.plan_versions(room, [3, 4])
    assert plan.erased == {}
    named = f"hold {holds[0]} and hold {holds[1]} cover it"
    assert [worded.kept for worded in plan.kept] == [named, named]


async def test_what_waited_for_a_hold_is_erased_when_it_ends_and_not_what_came_later(
    store: Store, psql: asyncpg.Connection
) -> None:
    room = await store.open_room(by=ADA)
    await store.chat.join_room(JoinRoom(room, BOB))
    for author in (ADA, BOB, ADA):
        await store.chat.post_message(PostMessage(room, author, "hello"))  # versions 4 to 6; 7 tells who is erased
    first, second = await place(store, room_id=room), await place(store, person_id=ADA, until=datetime.now(UTC))
    plan = await erase(store, await store.erasing.plan_user(ADA))
    assert (plan.count, plan.outcome.held, plan.outcome.holds) == (0, 2, (first, second))
    await store.chat.post_message(PostMessage(room, ADA, "after the request"))  # version 8
    (waiting,) = await read_requests(psql, with_done=False, limit=10)
    assert (waiting.request, waiting.held, waiting.holds) == (plan.request, 2, [first, second])
    await carry_out(store)
    await end(store, first)
    await carry_out(store)
    assert await remaining(room, psql) == [4, 5, 6, 8]
    await end(store, second)
    await carry_out(store)
    assert await remaining(room, psql) == [5, 8]
    assert await told_of(ADA, store) == [room], "once: nothing interrupted the request"
    assert await read_requests(psql, with_done=False, limit=10) == []
    (done,) = await read_requests(psql, with_done=True, limit=10)
    assert (done.is_done, done.erased, done.held) == (True, 2, 0)


async def test_what_waited_for_a_duty_is_erased_when_the_rule_ends_or_another_takes_its_place(
    store: Store, psql: asyncpg.Connection
) -> None:
    rooms = [await room_with(store, YOUNG, name=name) for name in ("one", "two")]
    rule = await set_rule(store, keep=30)
    for room in rooms:
        plan = await erase(store, await store.erasing.plan_versions(room, [3]))
        assert (plan.outcome.held, plan.outcome.rules) == (1, (rule,))
        assert plan.outcome.until is not None
    await carry_out(store)
    assert [await remaining(room, psql) for room in rooms] == [[3], [3]]
    await set_rule(store, rooms[0], keep=0)
    await carry_out(store)
    assert [await remaining(room, psql) for room in rooms] == [[], [3]]
    await end_rule(store)
    await carry_out(store)
    assert [await remaining(room, psql) for room in rooms] == [[], []]


async def test_a_duty_that_ends_with_time_lets_go_what_waited(store: Store, psql: asyncpg.Connection) -> None:
    room = await room_with(store, YOUNG, name="General")
    await set_rule(store, keep=30)
    await erase(store, await store.erasing.plan_versions(room, [3]))
    await carry_out(store)
    assert await remaining(room, psql) == [3]
    await psql.execute("UPDATE retention_rules SET keep_days = 1")  # in place of so many days
    await psql.execute("UPDATE erasure_requests SET until = now()")
    await carry_out(store)
    assert await remaining(room, psql) == []


@pytest.mark.parametrize("keeper", ["hold", "rule"])
async def test_what_ends_while_a_request_is_under_way_lets_go_what_it_kept(
    store: Store, psql: asyncpg.Connection, keeper: str
) -> None:
    room = await room_with(store, YOUNG, name="General")
    hold = await place(store, room_id=room) if keeper == "hold" else None
    if hold is None:
        await set_rule(store, keep=30)
    plan = await store.erasing.plan_versions(room, [3])
    await (end(store, hold) if hold is not None else end_rule(store))
    await erase(store, plan)
    assert plan.outcome.held == 1
    await carry_out(store)
    assert await remaining(room, psql) == []
    assert await read_requests(psql, with_done=False, limit=10) == []


async def test_a_request_that_its_process_left_behind_is_carried_out(store: Store, psql: asyncpg.Connection) -> None:
    room = await room_with(store, OLD, name="General")
    plan = await store.erasing.plan_versions(room, [3])
    await store.record.request_erasure(RequestErasure(OPERATOR, plan.request, plan.target, "asked for"))
    await carry_out(store)
    assert await remaining(room, psql) == [3]  # its own process is at it
    await psql.execute("UPDATE erasure_requests SET requested_at = now() - interval '2 minutes'")
    await carry_out(store)
    assert await remaining(room, psql) == []
    assert await read_requests(psql, with_done=False, limit=10) == []


async def test_a_request_that_its_process_left_behind_tells_the_rooms_of_an_erased_user(
    store: Store, psql: asyncpg.Connection
) -> None:
    rooms = [await store.open_room(name, by=ADA) for name in ("one", "two")]
    elsewhere = await store.open_room("three", by=BOB)
    plan = await store.erasing.plan_user(BOB)
    await store.chat.join_room(JoinRoom(rooms[0], BOB))
    await store.chat.leave_room(LeaveRoom(rooms[0], BOB))
    await store.record.request_erasure(RequestErasure(OPERATOR, plan.request, plan.target, "asked for"))
    assert await told_of(BOB, store) == []
    await psql.execute("UPDATE erasure_requests SET requested_at = now() - interval '2 minutes'")
    await carry_out(store)
    assert set(await told_of(BOB, store)) == {rooms[0], elsewhere}


async def told_of(user_id: UserId, store: Store) -> list[UUID]:
    """The rooms that were told that the user was erased, in the order of the log."""
    events = [recorded.event for recorded in await store.events()]
    return [each.originator_id for each in events if each.TOPIC == "user_erased" and each.member_id == user_id]


async def test_one_process_at_a_time_carries_out(store: Store, psql: asyncpg.Connection) -> None:
    room = await room_with(store, OLD, name="General")
    await set_rule(store, erase=30)
    assert await DISPOSITION.try_take(psql)
    await carry_out(store)
    assert await remaining(room, psql) == [3]
    await DISPOSITION.release(psql)
    await carry_out(store)
    assert await remaining(room, psql) == []


async def test_a_hold_that_is_placed_between_the_plan_and_the_erasure_keeps_the_words(
    store: Store, psql: asyncpg.Connection, database_url: str
) -> None:
    room = await room_with(store, OLD, OLD, name="General")
    plan = await store.erasing.plan_versions(room, [3, 4])
    async with open_store(database_url) as other:
        hold = await place(other, room_id=room)
        versions = await store.versions(room)
        with pytest.raises(WordsHeld, match=f"hold {hold} covers version 3"):
            await erase(store, plan)
        assert await store.versions(room) == versions
        assert await remaining(room, psql) == [3, 4]
        posted, placed = await asyncio.gather(
            store.chat.post_message(PostMessage(room, ADA, "goes on")), place(other, person_id=BOB)
        )
        assert posted.position
        assert placed
    (waiting,) = await read_requests(psql, with_done=False, limit=10)  # on record before anything is erased
    assert (waiting.request, waiting.versions) == (plan.request, [3, 4])


async def test_an_erasure_that_another_application_records_spares_what_is_held_until_the_hold_ends(
    store: Store, psql: asyncpg.Connection
) -> None:
    room = await room_with(store, OLD, OLD, name="General")
    hold = await place(store, room_id=room)
    state = (
        '{"timestamp":{"_type_":"datetime_iso","_data_":"2026-01-01T00:00:00+00:00"},'
        '"erased_by":0,"versions":[3],"request":"theirs","why":"plain"}'
    )
    await psql.execute(
        "INSERT INTO stored_events VALUES ($1, 5, 'content_erased', convert_to($2, 'utf8'))", room, state
    )
    await store.chat.post_message(PostMessage(room, ADA, "goes on"))
    assert await remaining(room, psql) == [3, 4, 6]
    await end(store, hold)
    await carry_out(store)
    assert await remaining(room, psql) == [4, 6]


async def test_a_rule_that_contradicts_itself_or_changes_nothing_is_refused(store: Store) -> None:
    room = await store.open_room()
    for days in ({}, {"keep": 30, "erase": 29}, {"keep": -1}, {"erase": 40_000}):
        with pytest.raises(InvalidField):
            await set_rule(store, room, **days)
    with pytest.raises(NoSuchRule):
        await end_rule(store, room)
    await set_rule(store, room, keep=30)
    with pytest.raises(InvalidField, match="in force already"):
        await set_rule(store, room, keep=30)
    await store.chat.leave_room(LeaveRoom(room, ADA))
    await set_rule(store, room, keep=31)


async def test_a_running_service_carries_out_rules_and_what_waited_by_itself(
    store: Store, psql: asyncpg.Connection, start_server: StartServer
) -> None:
    room = await room_with(store, OLD, YOUNG, name="General")
    hold = await place(store, room_id=room)
    await erase(store, await store.erasing.plan_versions(room, [4]))
    await set_rule(store, erase=30)
    await start_server(retention_every_s=0.1)
    await start_server(retention_every_s=0.1)

    async def are_gone() -> bool:
        return await remaining(room, psql) == []

    assert await remaining(room, psql) == [3, 4]
    await end(store, hold)
    await eventually(are_gone)
    erasures = [recorded for recorded in await store.events() if recorded.event.TOPIC == "content_erased"]
    assert sorted(version for recorded in erasures for version in recorded.event.versions) == [3, 4]


@pytest.mark.parametrize("erased", [[3], [3, 4], [3, 4, 5]])
async def test_what_a_process_erased_that_died_before_it_said_so_is_counted(
    store: Store, psql: asyncpg.Connection, erased: list[int]
) -> None:
    room = await room_with(store, OLD, OLD, YOUNG, name="General")
    plan = await store.erasing.plan_versions(room, [3, 4, 5])
    with days_ago(0.5):
        await store.record.request_erasure(RequestErasure(OPERATOR, plan.request, plan.target, WHY))
    await store.erasing.erase(room, erased, why=WHY, request=plan.request)  # and there it died
    hold = await place(store, room_id=room) if erased == [3] else None
    await carry_out(store)
    if hold is not None:
        (waiting,) = await read_requests(psql, with_done=False, limit=10)
        assert (waiting.erased, waiting.held) == (1, 2)
        await end(store, hold)
        await carry_out(store)
    (request,) = await read_requests(psql, with_done=True, limit=10)
    assert (request.erased, request.held, request.is_done) == (3, 0, True)
    assert await remaining(room, psql) == []
