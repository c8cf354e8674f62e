"""Of a message that was edited, all versions are erased together, and kept together."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from api.wiring import create_fold
from domain.errors import ErasedMessage
from domain.room.discussion.editing import EditMessage
from domain.room.discussion.retracting import RetractMessage
from domain.room.erasing import EraseContent
from domain.room.membership import JoinRoom
from domain.room.messages import PostMessage
from domain.values import OPERATOR, RequestId, RoomId
from replay.rebuild.verify import verify
from tests.support.custody import carry_out, days_ago, end, erase, place, set_rule
from tests.support.given_when_then import ADA, BOB
from tests.support.store import Store, append_lock_held, eventually_submitted

EDITED = [3, 5, 6]
"""The versions of ada's message."""


@pytest.fixture
async def psql(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def room(store: Store) -> RoomId:
    """Ada says 3, bob joins at 4, ada edits 3 at 5 and 6, bob says 7."""
    room_id = await store.open_room("General", by=ADA)
    await store.chat.post_message(PostMessage(room_id, ADA, "one"))
    await store.chat.join_room(JoinRoom(room_id, BOB))
    await store.discussion.edit(EditMessage(room_id, ADA, 3, "two"))
    await store.discussion.edit(EditMessage(room_id, ADA, 3, "three"))
    await store.chat.post_message(PostMessage(room_id, BOB, "from bob"))
    return room_id


async def words_left(room_id: RoomId, connection: asyncpg.Connection) -> list[int]:
    """The versions that have words, but for the name of the room."""
    rows = await connection.fetch("SELECT version FROM bodies WHERE stream = $1 AND version > 1 ORDER BY 1", room_id)
    return [row[0] for row in rows]


@pytest.mark.parametrize("version", EDITED)
async def test_to_erase_any_version_of_a_message_erases_all_in_one_event(
    store: Store, room: RoomId, psql: asyncpg.Connection, database_url: str, version: int
) -> None:
    plan = await erase(store, await store.erasing.plan_versions(room, [version]))
    assert plan.erased == {room: EDITED}
    assert (await words_left(room, psql))[0] == 7
    event = (await store.events())[-1].event
    assert event.versions == EDITED
    page = (await store.queries.messages(BOB, room, page=1)).value
    assert page is not None
    assert [(message.content, bool(message.erased)) for message in page.results] == [("from bob", False), ("", True)]
    assert (await verify(create_fold(), database_url, lambda _: None)).differences == []


async def test_an_edit_that_comes_between_plan_and_erasure_goes_as_well(
    store: Store, room: RoomId, psql: asyncpg.Connection
) -> None:
    plan = await store.erasing.plan_versions(room, [3])
    await store.discussion.edit(EditMessage(room, ADA, 3, "four"))
    await erase(store, plan)
    assert await words_left(room, psql) == [7, 9]  # bob's, and the reason
    with pytest.raises(ErasedMessage):
        await store.discussion.edit(EditMessage(room, ADA, 3, "five"))


async def test_an_edit_in_the_transaction_that_erases_goes_if_it_comes_first_and_is_refused_if_it_comes_later(
    store: Store, room: RoomId, psql: asyncpg.Connection, database_url: str
) -> None:
    erasure = EraseContent(room, (3,), OPERATOR, RequestId(uuid4()), "asked for")
    async with append_lock_held(database_url):
        waiting = asyncio.create_task(store.chat.post_message(PostMessage(room, BOB, "before")))
        await eventually_submitted(store, 0)
        one_batch = [
            asyncio.ensure_future(command)
            for command in (
                store.discussion.edit(EditMessage(room, ADA, 3, "four")),
                store.chat.erase_content(erasure),
                store.discussion.edit(EditMessage(room, ADA, 3, "five")),
            )
        ]
        await eventually_submitted(store, 3)
    await waiting
    edited, erased, refused = await asyncio.gather(*one_batch, return_exceptions=True)
    assert isinstance(refused, ErasedMessage)
    assert erased.event.versions == [*EDITED, edited.event.originator_version]  # type: ignore[union-attr]
    assert await words_left(room, psql) == [7, 8, 10]


async def test_a_hold_on_one_version_of_a_message_keeps_all(
    store: Store, room: RoomId, psql: asyncpg.Connection
) -> None:
    times = {int(r.version): r.event.timestamp for r in await store.events() if r.event.originator_id == room}
    hold = await place(store, since=times[6], until=times[7])  # only the last edit is that young
    for version in EDITED:
        plan = await store.erasing.plan_versions(room, [version])
        assert plan.erased == {}
        assert [worded.holds for worded in plan.kept] == [(hold,)] * 3
        with pytest.raises(asyncpg.PostgresError, match=f"hold {hold} covers version {version}"):
            await psql.fetchval("SELECT erase_bodies($1, $2::bigint[])", room, [version])
    await erase(store, await store.erasing.plan_user(ADA))
    assert await words_left(room, psql) == [*EDITED, 7]
    await end(store, hold)
    await carry_out(store)
    assert await words_left(room, psql) == [7, 9]  # and the reason; 8 says that ada is erased


async def test_a_duty_to_keep_counts_from_the_newest_edit_and_a_rule_erases_all_versions(
    store: Store, psql: asyncpg.Connection
) -> None:
    with days_ago(40):
        room = await store.open_room("Old", by=ADA)
        await store.chat.post_message(PostMessage(room, ADA, "one"))
    store.discussion.edit_window_s = None
    with days_ago(5):
        await store.discussion.edit(EditMessage(room, ADA, 3, "two"))
    await set_rule(store, room, keep=30, erase=30)
    await carry_out(store)
    assert await words_left(room, psql) == [3, 4]
    await set_rule(store, room, keep=0, erase=30)
    await carry_out(store)
    assert await words_left(room, psql) == [5]  # the reason


async def test_with_a_person_goes_why_they_retracted_what_they_said(
    store: Store, room: RoomId, psql: asyncpg.Connection
) -> None:
    await store.discussion.retract(RetractMessage(room, ADA, 3, "I was wrong"))
    plan = await erase(store, await store.erasing.plan_user(ADA))
    assert plan.erased == {room: [*EDITED, 8]}
    assert await words_left(room, psql) == [7, 10]
    page = (await store.queries.messages(BOB, room, page=1)).value
    assert page is not None
    gone = page.results[1]
    assert (gone.content, gone.retracted.why, bool(gone.erased)) == ("", "", True)  # type: ignore[union-attr]
