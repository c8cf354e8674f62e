"""Rooms that people enter by invitation: who could see what, other databases, and accounts that come later."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiohttp.test_utils import TestServer

from api.http.app_keys import CORE
from api.wiring import create_fold
from domain.room.access import ChangeHistory, ChangeVisibility
from domain.room.discussion.editing import EditMessage
from domain.room.discussion.pinning import PinMessage
from domain.room.invitations import InviteUser, JoinByLink, MakeLink, RevokeLink
from domain.room.membership import JoinRoom, LeaveRoom
from domain.room.messages import PostMessage
from domain.room.opening import OpenDirect, OpenRoom
from domain.values import RoomId, UserId
from eventstore.values import LOG_START, Version
from postgres.embedded import EmbeddedPostgres
from projections.readmodels import feed
from projections.readmodels.tables import KEYS, ROOM_TABLES
from replay.archive.transfer import export
from replay.rebuild.verify import verify
from tests.conftest import database_like
from tests.integration.conftest import Visit
from tests.support.archives import import_file
from tests.support.given_when_then import ADA, BOB, EVE
from tests.support.lanes_under_test import Server, published_to, publishing
from tests.support.store import Store, open_store

HASH = "0" * 64


async def private_room(store: Store) -> RoomId:
    command = OpenRoom("Engines", ADA, visibility="private", history="since_joining")
    return RoomId((await store.chat.open_room(command)).event.originator_id)


async def say(store: Store, room_id: RoomId, content: str) -> Version:
    recorded = await store.chat.post_message(PostMessage(room_id, ADA, content))
    return Version(recorded.event.originator_version)


async def admit(store: Store, room_id: RoomId, user_id: UserId) -> None:
    await store.admission.invite(InviteUser(room_id, ADA, user_id))
    await store.chat.join_room(JoinRoom(room_id, user_id))


async def rows(store: Store) -> list[list[Any]]:
    return [
        await store.database.fetch(f"SELECT * FROM {table} ORDER BY {', '.join(KEYS[table])}") for table in ROOM_TABLES
    ]


@pytest.mark.parametrize("positions", [feed.NEXT, 3, 2, 0])
async def test_who_left_a_private_room_is_told_of_the_leaving_alone_until_they_are_back(
    store: Store, positions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However the feed finds it: among the next `positions` of the log, or in the rooms."""
    monkeypatch.setattr(feed, "FIRST", min(feed.FIRST, positions))
    monkeypatch.setattr(feed, "NEXT", positions)
    room_id = await private_room(store)
    await say(store, room_id, "before bob")
    await admit(store, room_id, BOB)
    for content in ("one", "two", "three"):
        await say(store, room_id, content)
    there = ["user_joined", "message_added", "message_added", "message_added"]
    assert await kinds_of_feed(store, BOB) == there
    await store.chat.leave_room(LeaveRoom(room_id, BOB))
    await say(store, room_id, "without bob")
    assert await kinds_of_feed(store, BOB) == ["user_left"]
    await admit(store, room_id, BOB)
    assert await kinds_of_feed(store, BOB) == [*there, "user_left", "user_joined"]
    await store.chat.leave_room(LeaveRoom(room_id, BOB))
    assert await kinds_of_feed(store, BOB) == ["user_left", "user_left"]
    await store.admission.change_visibility(ChangeVisibility(room_id, ADA, "public"))
    assert await kinds_of_feed(store, BOB) == [*there, "user_left", "user_joined", "user_left"]


async def kinds_of_feed(store: Store, user_id: UserId) -> list[str]:
    """Read two events at a time."""
    found, after = [], LOG_START
    while (step := await store.queries.feed(user_id, after=after, limit=2)).value:
        found += [event.type for event in step.value]
        after = step.position
    return found


async def test_who_could_see_a_message_leaves_out_those_who_read_from_later(store: Store) -> None:
    room_id = await private_room(store)
    await admit(store, room_id, BOB)
    said = await say(store, room_id, "before eve")
    await store.chat.leave_room(LeaveRoom(room_id, BOB))
    await admit(store, room_id, EVE)
    edited = await store.discussion.edit(EditMessage(room_id, ADA, said, "still before eve"))
    await admit(store, room_id, BOB)
    found = await store.time_travel.visibility(room_id, said)
    assert found is not None
    assert found.members_then == {ADA, BOB}
    assert found.joined_later == frozenset()
    found = await store.time_travel.visibility(room_id, Version(edited.event.originator_version))
    assert found is not None
    assert found.members_then == {ADA}, "eve is a member, and may not read the message"


async def test_all_of_it_is_verified_and_comes_back_from_a_file(
    database_url: str, store: Store, postgres: EmbeddedPostgres, template_database: str, tmp_path: Path
) -> None:
    room_id = await private_room(store)
    await admit(store, room_id, BOB)
    made = await store.admission.make_link(MakeLink(room_id, ADA, HASH, timedelta(days=1), 3))
    await store.admission.join_by_link(JoinByLink(room_id, EVE, HASH))
    await store.admission.revoke_link(RevokeLink(room_id, ADA, made.event.originator_version))
    await store.admission.change_history(ChangeHistory(room_id, ADA, "all"))
    await store.admission.change_visibility(ChangeVisibility(room_id, ADA, "public"))
    await store.admission.open_direct(OpenDirect(ADA, (BOB, EVE)))
    assert (await verify(create_fold(), database_url, lambda _: None)).differences == []
    await export(store.database, tmp_path / "log.jsonl", lambda _: None)
    async with database_like(template_database, "test_of_entering", postgres) as elsewhere:
        await import_file(elsewhere, tmp_path / "log.jsonl")
        async with open_store(elsewhere) as other:
            assert await rows(other) == await rows(store)


async def test_no_new_account_gets_the_invitation_of_another_person(server: TestServer, visit: Visit) -> None:
    ada = await visit("ada")
    room = await ada.open_room("Engines")
    await server.app[CORE].admission.invite(InviteUser(RoomId(UUID(room)), UserId(ada.user["id"]), UserId(50)))
    for name in ("bob", "eve"):
        assert (await visit(name)).user["id"] > 50


async def test_no_publication_carries_what_its_receiver_may_not_read(database_url: str, store: Store) -> None:
    server, room_id = Server(), await private_room(store)
    async with publishing(database_url, store, server):
        said = await say(store, room_id, "hushed")
        await admit(store, room_id, BOB)
        heard = await say(store, room_id, "heard")
        for message in (said, heard):
            await store.discussion.pin(PinMessage(room_id, ADA, message))
        await store.discussion.edit(EditMessage(room_id, ADA, said, "hushed again"))
        last = await store.chat.leave_room(LeaveRoom(room_id, BOB))
        await published_to(database_url, last.position)
    assert "hushed again" in str(server.published(ADA))
    told = server.published(BOB)
    assert "hushed" not in str(told)
    assert [each["version"] for each in told] == list(range(told[0]["version"], told[-1]["version"] + 1))
    assert [each["body"]["message"] is None for each in told if each["type"].startswith("message_p")] == [True, False]
    assert told[-1]["body"]["room"]["last_message"] is None
