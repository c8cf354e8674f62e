"""What the group-commit writer promises, on a real PostgreSQL."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import psycopg
import pytest

from domain.errors import AlreadyAMember, NameTaken, NotAMember, RoomNotFound
from domain.questions import NameHolder, WhoHasName
from domain.room import Room
from domain.room.membership import JoinRoom, LeaveRoom
from domain.room.messages import PostMessage
from domain.room.naming import RenameRoom
from domain.room.opening import OpenRoom
from domain.values import ClientId, RoomId
from eventstore.errors import KeyReused, OutcomeUnknown, StoreBusy, StoreRejected
from postgres.errors import StoreUnavailable
from tests.support.breakable_postgres import wire_to
from tests.support.conditions import eventually
from tests.support.given_when_then import ADA, BOB
from tests.support.store import Store, append_lock_held, eventually_submitted, open_store


def post(room_id: RoomId, content: str, key: str | None = None) -> PostMessage:
    return PostMessage(room_id, ADA, content, ClientId(key) if key is not None else None)


def says_two_things_of_which_one_cannot_be_stored(room: Room) -> None:
    """Past the rules on purpose: PostgreSQL keeps no NUL in a text."""
    room.trigger_event(Room.MessageAdded, user_id=ADA, content="first half", client_id=None)
    room.trigger_event(Room.MessageAdded, user_id=ADA, content="second\x00half", client_id=None)


async def test_a_command_is_recorded_whole_or_not_at_all_and_spoils_no_other(store: Store, database_url: str) -> None:
    bad, good = await store.open_room("Bad"), await store.open_room("Good")
    async with append_lock_held(database_url):  # so that the three travel in one batch
        before = asyncio.create_task(store.chat.post_message(post(bad, "before")))
        spoiled = asyncio.create_task(store.rooms.change(bad, says_two_things_of_which_one_cannot_be_stored))
        other = asyncio.create_task(store.chat.post_message(post(good, "other")))
        await eventually_submitted(store, 0)
    with pytest.raises(StoreRejected):
        await spoiled
    await asyncio.gather(before, other)
    await store.chat.post_message(post(bad, "after"))
    assert await store.versions(bad) == [1, 2, 3, 4]
    assert await store.versions(good) == [1, 2, 3]
    contents = [r.event.words.text for r in await store.events() if isinstance(r.event, Room.MessageAdded)]
    assert sorted(contents) == ["after", "before", "other"]


@contextlib.asynccontextmanager
async def commits_held(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """Every commit that follows an append waits until the block ends, everything before it done. Gives who holds it."""
    holder = await asyncpg.connect(dsn)
    await holder.execute(WAIT_AT_COMMIT)
    await holder.execute("SELECT pg_advisory_lock(1)")
    yield holder
    await holder.close()


WAIT_AT_COMMIT = """
CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(1);
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER wait_at_commit AFTER INSERT ON messages DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION wait_at_commit();
"""


async def test_the_answer_comes_after_the_commit(store: Store, database_url: str) -> None:
    room_id = await store.open_room()
    async with commits_held(database_url) as holder:
        posting = asyncio.create_task(store.chat.post_message(post(room_id, "hello")))

        async def committing() -> bool:
            return bool(await holder.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"))

        await eventually(committing)
        assert not posting.done()
        assert await store.versions(room_id) == [1, 2]
    recorded = await posting
    assert await store.database.fetchval("SELECT max(notification_id) FROM stored_events") == recorded.position


async def test_order_in_a_room_is_the_order_in_which_commands_came(store: Store) -> None:
    room_id = await store.open_room()
    answers = await asyncio.gather(*(store.chat.post_message(post(room_id, str(number))) for number in range(300)))
    assert [answer.event.originator_version for answer in answers] == list(range(3, 303))
    assert [answer.event.content for answer in answers if isinstance(answer.event, Room.MessageAdded)] == [
        str(number) for number in range(300)
    ]


async def test_commands_that_wait_together_share_a_transaction(database_url: str) -> None:
    batches: list[int] = []
    async with open_store(database_url, observer=lambda commands, _events, _seconds: batches.append(commands)) as store:
        room_id = await store.open_room()
        async with append_lock_held(database_url):
            posts = [asyncio.create_task(store.chat.post_message(post(room_id, str(number)))) for number in range(50)]
            await asyncio.sleep(0)
        await asyncio.gather(*posts)
        assert max(batches) >= 49


async def test_a_caller_who_asks_again_at_once_shares_a_transaction_with_those_who_waited(database_url: str) -> None:
    batches: list[int] = []
    async with open_store(database_url, observer=lambda commands, _events, _seconds: batches.append(commands)) as store:
        room_id = await store.open_room()

        async def post_twice() -> None:
            await store.chat.post_message(post(room_id, "first"))
            await store.chat.post_message(post(room_id, "third"))

        async with append_lock_held(database_url):
            asks_again = asyncio.create_task(post_twice())
            await eventually_submitted(store, 0)
            waits = asyncio.create_task(store.chat.post_message(post(room_id, "second")))
            await eventually_submitted(store, 1)
        await asyncio.gather(asks_again, waits)
        assert batches[-2:] == [1, 2]


async def test_a_refused_command_records_nothing_and_leaves_no_gap(store: Store) -> None:
    room_id = await store.open_room()
    for refused, refusal in (
        (store.chat.join_room(JoinRoom(room_id, ADA)), AlreadyAMember),
        (store.chat.leave_room(LeaveRoom(room_id, BOB)), NotAMember),
        (store.chat.post_message(PostMessage(room_id, BOB, "hello")), NotAMember),
        (store.chat.open_room(OpenRoom("GENERAL", BOB)), NameTaken),
        (store.chat.join_room(JoinRoom(RoomId(UUID(int=3)), BOB)), RoomNotFound),
    ):
        with pytest.raises(refusal):
            await refused
    await store.chat.join_room(JoinRoom(room_id, BOB))
    assert [r.event.originator_version for r in await store.events()] == [1, 2, 3]


async def test_two_processes_post_into_one_room_without_gap_or_loss(database_url: str) -> None:
    async with open_store(database_url) as one, open_store(database_url) as two:
        room_id = await one.open_room()

        async def post_all(store: Store, name: str) -> None:
            await asyncio.gather(*(store.chat.post_message(post(room_id, f"{name} {n}")) for n in range(200)))

        await asyncio.gather(post_all(one, "one"), post_all(two, "two"))
        assert await one.versions(room_id) == list(range(1, 403))
        contents = [r.event.words.text for r in await one.events() if isinstance(r.event, Room.MessageAdded)]
        assert len(set(contents)) == 400
        assert [c for c in contents if c.startswith("one")] == [f"one {n}" for n in range(200)]


async def test_a_command_is_decided_on_what_another_process_recorded_a_moment_ago(database_url: str) -> None:
    async with open_store(database_url) as one, open_store(database_url) as two:
        room_id = await one.open_room()
        with pytest.raises(NotAMember):
            await two.chat.post_message(PostMessage(room_id, BOB, "not yet"))
        await one.chat.join_room(JoinRoom(room_id, BOB))
        await two.chat.post_message(PostMessage(room_id, BOB, "now"))
        await two.chat.leave_room(LeaveRoom(room_id, BOB))
        with pytest.raises(NotAMember):
            await one.chat.post_message(PostMessage(room_id, BOB, "too late"))


async def test_of_fifty_who_race_for_a_name_one_gets_it(database_url: str) -> None:
    async with open_store(database_url) as one, open_store(database_url) as two:
        answers = await asyncio.gather(
            *(
                store.chat.open_room(OpenRoom(name, ADA))
                for _ in range(25)
                for store, name in ((one, "The Name"), (two, "the  NAME"))
            ),
            return_exceptions=True,
        )
        assert sum(isinstance(answer, NameTaken) for answer in answers) == 49
        assert len(await one.events()) == 2


async def test_a_decision_is_told_who_has_a_name_the_room_itself_or_another(store: Store) -> None:
    mine, _ = await store.open_room("Mine"), await store.open_room("Theirs")
    told: list[NameHolder] = []

    def join(room: Room, holder: NameHolder) -> None:
        told.append(holder)
        if holder.is_taken:
            raise NameTaken
        room.join(user_id=BOB)

    await store.rooms.decide(mine, WhoHasName("mine", mine), join)
    with pytest.raises(NameTaken):
        await store.rooms.decide(mine, WhoHasName("theirs", mine), join)
    assert told == [NameHolder(is_taken=False, present="Mine"), NameHolder(is_taken=True, present=None)]
    assert await store.versions(mine) == [1, 2, 3]


async def test_a_decision_is_told_what_earlier_ones_of_the_same_transaction_changed(
    store: Store, database_url: str
) -> None:
    room_id = await store.open_room("Before")
    async with append_lock_held(database_url):  # so that they travel in one batch
        refused = asyncio.create_task(store.chat.open_room(OpenRoom("Before", ADA)))
        renamed = asyncio.create_task(store.chat.rename_room(RenameRoom(room_id, ADA, "After")))
        too_late = asyncio.create_task(store.chat.open_room(OpenRoom("After", ADA)))
        freed = asyncio.create_task(store.chat.open_room(OpenRoom("Before", ADA)))
        await eventually_submitted(store, 0)
    for task in (refused, too_late):
        with pytest.raises(NameTaken):
            await task
    await asyncio.gather(renamed, freed)


async def test_a_full_queue_refuses_at_once_and_keeps_what_waits(database_url: str) -> None:
    async with open_store(database_url, queue_limit=5) as store:
        room_id = await store.open_room()
        async with append_lock_held(database_url):
            first = asyncio.create_task(store.chat.post_message(post(room_id, "under way")))
            await eventually_submitted(store, 0)
            waiting = [asyncio.create_task(store.chat.post_message(post(room_id, str(number)))) for number in range(5)]
            await eventually_submitted(store, 5)
            with pytest.raises(StoreBusy):
                await store.chat.post_message(post(room_id, "one too many"))
        await asyncio.gather(first, *waiting)
        assert await store.versions(room_id) == list(range(1, 9))


async def test_a_database_that_does_not_answer_fails_every_waiting_command_in_bounded_time(database_url: str) -> None:
    async with open_store(database_url, timeout_s=1.5) as store:
        room_id = await store.open_room()
        async with append_lock_held(database_url):
            answers = await asyncio.gather(
                *(store.chat.post_message(post(room_id, str(number))) for number in range(20)), return_exceptions=True
            )
            assert all(isinstance(answer, StoreUnavailable) for answer in answers)

        async def posts_again() -> bool:  # on a busy machine even this may take longer than the time-out
            with contextlib.suppress(StoreUnavailable, OutcomeUnknown):
                await store.chat.post_message(post(room_id, "again", key="again"))
                return True
            return False

        await eventually(posts_again)
        assert await store.versions(room_id) == [1, 2, 3]


async def test_when_one_transaction_times_out_those_behind_it_do_not_wait_for_theirs(database_url: str) -> None:
    async with open_store(database_url, timeout_s=1.5) as store:
        room_id = await store.open_room()
        async with append_lock_held(database_url):
            under_way = asyncio.create_task(store.chat.post_message(post(room_id, "under way")))
            await eventually_submitted(store, 0)
            behind = [asyncio.create_task(store.chat.post_message(post(room_id, str(number)))) for number in range(5)]
            await eventually_submitted(store, 5)
            with pytest.raises(StoreUnavailable):
                await under_way
            assert all(isinstance(answer.exception(), StoreUnavailable) for answer in behind)
        assert await store.versions(room_id) == [1, 2]


def end_every_other_session(dsn: str) -> None:
    """Return when they are gone. Blocks the event loop, so that only the next use of a connection notices it."""
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute(f"SELECT pg_terminate_backend(pid, 5000) {others}")
        assert admin.execute(f"SELECT count(*) {others}").fetchall() == [(0,)]


@pytest.mark.parametrize("in_memory", [True, False])
async def test_connections_that_broke_while_idle_cost_no_command(database_url: str, in_memory: bool) -> None:
    async with open_store(database_url, capacity=1) as store:
        room_id = await store.open_room()
        if not in_memory:
            await store.open_room("Another")
        await asyncio.gather(*(store.database.fetch("SELECT pg_sleep(0.05)") for _ in range(4)))
        end_every_other_session(database_url)
        await store.chat.post_message(post(room_id, "hello"))
        assert await store.versions(room_id) == [1, 2, 3]


async def test_connections_that_broke_while_idle_cost_no_read(store: Store, database_url: str) -> None:
    room_id = await store.open_room()
    await asyncio.gather(*(store.database.fetch("SELECT pg_sleep(0.05)") for _ in range(4)))
    end_every_other_session(database_url)
    found = await asyncio.gather(*(store.queries.room(ADA, room_id) for _ in range(4)))
    assert [room.value.id for room in found] == [room_id] * 4


@pytest.mark.parametrize("commit_arrives", [True, False])
async def test_a_lost_answer_to_a_commit_is_said_and_repeating_with_the_key_is_safe(
    database_url: str, commit_arrives: bool
) -> None:
    async with wire_to(database_url) as (wire, over_the_wire), open_store(over_the_wire) as store:
        room_id = await store.open_room()
        wire.cut_at, wire.deliver = b"COMMIT", commit_arrives
        with pytest.raises(OutcomeUnknown):
            await store.chat.post_message(post(room_id, "hello", key="once"))
        recorded = await store.chat.post_message(post(room_id, "hello", key="once"))
        assert (wire.cuts, recorded.event.originator_version) == (1, 3)
        assert await store.versions(room_id) == [1, 2, 3]


async def test_a_connection_cut_before_the_commit_records_nothing_and_the_command_is_tried_again(
    database_url: str,
) -> None:
    async with wire_to(database_url) as (wire, over_the_wire), open_store(over_the_wire) as store:
        room_id = await store.open_room()
        wire.cut_at, wire.deliver = b"hello", True  # in the row that is inserted; the statement was prepared before
        await store.chat.post_message(post(room_id, "hello"))
        assert wire.cuts == 1
        assert await store.versions(room_id) == [1, 2, 3]


async def test_a_key_repeated_answers_what_the_first_recorded(database_url: str) -> None:
    batches: list[int] = []
    async with open_store(database_url, observer=lambda commands, _events, _seconds: batches.append(commands)) as store:
        room_id = await store.open_room()
        async with append_lock_held(database_url):
            under_way = asyncio.create_task(store.chat.join_room(JoinRoom(room_id, BOB)))
            await eventually_submitted(store, 0)
            posts = [asyncio.create_task(store.chat.post_message(post(room_id, "hello", key="k"))) for _ in range(5)]
            await eventually_submitted(store, 5)
        await under_way
        together = await asyncio.gather(*posts)
        assert batches[-1] == 5
        later = await store.chat.post_message(post(room_id, "hello", key="k"))
        assert {answer.position for answer in (*together, later)} == {together[0].position}
        assert await store.versions(room_id) == [1, 2, 3, 4]


async def test_a_key_is_remembered_by_every_process_even_when_the_rules_would_now_refuse(database_url: str) -> None:
    async with open_store(database_url) as one, open_store(database_url) as two:
        opened = await one.chat.open_room(OpenRoom("General", ADA, ClientId("open")))
        room_id = RoomId(opened.event.originator_id)
        joined = await one.chat.join_room(JoinRoom(room_id, BOB, ClientId("join")))
        for first, repeated in (
            (opened, await two.chat.open_room(OpenRoom("General", ADA, ClientId("open")))),
            (joined, await two.chat.join_room(JoinRoom(room_id, BOB, ClientId("join")))),
        ):
            assert (repeated.position, repeated.event) == (first.position, first.event)
        assert await one.versions(room_id) == [1, 2, 3]


async def test_a_key_that_comes_with_another_command_is_refused(store: Store, database_url: str) -> None:
    room_id = await store.open_room()
    await store.chat.post_message(post(room_id, "hello", key="k"))
    with pytest.raises(KeyReused):
        await store.chat.post_message(post(room_id, "something else", key="k"))
    async with append_lock_held(database_url):  # in one batch, too
        first = asyncio.create_task(store.chat.post_message(post(room_id, "a", key="new")))
        second = asyncio.create_task(store.chat.post_message(post(room_id, "b", key="new")))
        await asyncio.sleep(0)
    await first
    with pytest.raises(KeyReused):
        await second
    assert await store.versions(room_id) == [1, 2, 3, 4]


async def test_the_key_of_a_refused_command_is_free(store: Store, database_url: str) -> None:
    room_id = await store.open_room()
    command = PostMessage(room_id, BOB, "hello", ClientId("k"))
    with pytest.raises(NotAMember):
        await store.chat.post_message(command)
    async with append_lock_held(database_url):
        under_way = asyncio.create_task(store.chat.post_message(post(room_id, "under way")))
        await eventually_submitted(store, 0)
        refused = asyncio.create_task(store.chat.post_message(command))  # in one batch, too
        joined = asyncio.create_task(store.chat.join_room(JoinRoom(room_id, BOB)))
        again = asyncio.create_task(store.chat.post_message(command))
        await eventually_submitted(store, 3)
    with pytest.raises(NotAMember):
        await refused
    await asyncio.gather(under_way, joined)
    assert (await again).event.originator_version == 5


async def test_another_users_equal_key_is_another_key(store: Store) -> None:
    room_id = await store.open_room()
    await store.chat.join_room(JoinRoom(room_id, BOB))
    for user_id in (ADA, BOB):
        await store.chat.post_message(PostMessage(room_id, user_id, "hello", ClientId("k")))
    assert await store.versions(room_id) == [1, 2, 3, 4, 5]


async def test_a_caller_who_went_away_while_waiting_records_nothing(store: Store, database_url: str) -> None:
    room_id = await store.open_room()
    async with append_lock_held(database_url):
        under_way = asyncio.create_task(store.chat.post_message(post(room_id, "under way")))
        await eventually_submitted(store, 0)
        gone = asyncio.create_task(store.chat.post_message(post(room_id, "never mind")))
        await eventually_submitted(store, 1)
        gone.cancel()
        await asyncio.wait([gone])
    await under_way
    await store.chat.post_message(post(room_id, "next"))
    assert await store.versions(room_id) == [1, 2, 3, 4]


async def test_closing_appends_what_waits_and_takes_no_more(database_url: str) -> None:
    async with open_store(database_url) as store:
        room_id = await store.open_room()
        posts = [asyncio.create_task(store.chat.post_message(post(room_id, str(number)))) for number in range(20)]
        await asyncio.sleep(0)
        await store.writer.close()
        await asyncio.gather(*posts)
        with pytest.raises(StoreUnavailable):
            await store.chat.post_message(post(room_id, "too late"))
        assert await store.versions(room_id) == list(range(1, 23))
