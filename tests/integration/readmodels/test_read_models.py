"""The inline read models, against a fold of the log written the slow and obvious way."""

import asyncio
import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import assert_never

import pytest
from msgspec import UNSET

from domain.errors import ChatError
from domain.room import KINDS, Room, RoomEvent
from domain.room.membership import JoinRoom, LeaveRoom
from domain.room.messages import PostMessage
from domain.room.naming import RenameRoom
from domain.values import OPERATOR, RoomId, UserId
from eventstore.values import LOG_START, STREAM_START, Version
from projections.readmodels import feed
from projections.readmodels.queries import NotInRoom
from projections.readmodels.shapes import Member, Message, timestamp
from tests.support.governing import DECISIONS, Governed, decide, governed
from tests.support.store import Store, open_store

USERS = [UserId(number) for number in range(1, 7)]


@dataclass
class Moment:
    """A room right after one of its events, as worked out by hand."""

    name: str
    members: set[int]
    messages: list[Room.MessageAdded]
    bumped_at: str
    position: int
    event: RoomEvent
    governed: Governed


@dataclass
class Notes:
    """Every moment of every room, and who was there for what."""

    moments: dict[RoomId, list[Moment]] = field(default_factory=lambda: defaultdict(list))
    feeds: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    rooms: dict[RoomId, Room] = field(default_factory=dict)

    def take(self, position: int, event: RoomEvent) -> None:
        room = self.moments[RoomId(event.originator_id)]
        name, members, messages, bumped_at = "", set[int](), list[Room.MessageAdded](), timestamp(event.timestamp)
        if room:
            name, members, messages, bumped_at = (
                room[-1].name,
                set(room[-1].members),
                list(room[-1].messages),
                room[-1].bumped_at,
            )
        audience = set(members)
        match event:
            case Room.RoomOpened() | Room.RoomRenamed():
                name = event.text or ""
            case Room.UserJoined():
                members.add(event.user_id)
                audience.add(event.user_id)
            case Room.UserLeft():
                members.remove(event.user_id)
            case Room.MessageAdded():
                messages.append(event)
                bumped_at = timestamp(event.timestamp)
            case (
                Room.ContentErased()
                | Room.UserErased()
                | Room.RoleGiven()
                | Room.UserBanned()
                | Room.BanLifted()
                | Room.UserMuted()
                | Room.MuteLifted()
                | Room.TopicSet()
                | Room.RoomArchived()
                | Room.RoomReopened()
                | Room.MessagePinned()
                | Room.MessageUnpinned()
                | Room.MessageEdited()
                | Room.MessageRetracted()
                | Room.ReactionAdded()
                | Room.ReactionRemoved()
                | Room.VisibilityChanged()
                | Room.HistoryChanged()
                | Room.UserInvited()
                | Room.InvitationWithdrawn()
                | Room.InvitationDeclined()
                | Room.InvitationLinkMade()
                | Room.InvitationLinkRevoked()
            ):
                pass
            case _:
                assert_never(event)
        replayed = event.mutate(self.rooms.get(RoomId(event.originator_id)))
        assert isinstance(replayed, Room)
        self.rooms[replayed.room_id] = replayed
        room.append(Moment(name, members, messages, bumped_at, position, event, governed(replayed)))
        for user_id in audience:
            self.feeds[user_id].append(position)


async def live(store: Store, seed: int) -> list[RoomId]:
    """Some rooms in which people come, talk and go at random, many at a time."""
    chance = random.Random(seed)
    rooms = [await store.open_room(f"Room {seed} {number}", by=chance.choice(USERS)) for number in range(4)]

    async def act() -> None:
        room_id, user_id = chance.choice(rooms), chance.choice(USERS)
        try:
            match chance.randrange(8):
                case 0 | 1:
                    await store.chat.join_room(JoinRoom(room_id, user_id))
                case 2:
                    await store.chat.leave_room(LeaveRoom(room_id, user_id))
                case 3:
                    await store.chat.rename_room(RenameRoom(room_id, user_id, f"Room {chance.random()}"))
                case 4 | 5:
                    await store.chat.post_message(PostMessage(room_id, user_id, f"{chance.random()}"))
                case _:
                    owner = chance.choice([user_id, OPERATOR])
                    what, member_id = chance.choice(DECISIONS), chance.choice(USERS)
                    await decide(store.governing, what, room_id, owner, member_id, chance)
        except ChatError:
            pass

    governed_room = await one_of_each_decision(store, chance)
    for _ in range(12):
        await asyncio.gather(*(act() for _ in range(chance.randrange(1, 40))))
    return [*rooms, governed_room]


async def one_of_each_decision(store: Store, chance: random.Random) -> RoomId:
    """In a room of its own."""
    owner, member_id = USERS[:2]
    room_id = await store.open_room(f"Governed {chance.random()}", by=owner)
    for what in (
        *("join", "role", "mute", "lift mute", "topic", "archive", "reopen"),
        *("ban", "lift ban", "join", "remove"),
    ):
        if what == "join":
            await store.chat.join_room(JoinRoom(room_id, member_id))
        else:
            await decide(store.governing, what, room_id, OPERATOR, member_id, random.Random(0))
    return room_id


async def notes_of(store: Store) -> Notes:
    notes = Notes()
    for recorded in await store.events():
        notes.take(recorded.position, recorded.event)
    return notes


@pytest.mark.parametrize("seed", range(4))
async def test_every_read_equals_a_fold_of_the_log(
    database_url: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_store(database_url) as store:
        rooms = await live(store, seed)
        notes = await notes_of(store)
        await check_rooms_at_every_version(store, notes)
        await check_decisions_at_every_version(store, notes)
        for user_id in USERS:
            await check_rooms_of(store, notes, rooms, user_id)
            for first, most in ((feed.FIRST, feed.NEXT), (3, 40), (1, 7), (1, 0)):  # then the rooms are looked at
                monkeypatch.setattr(feed, "FIRST", first)
                monkeypatch.setattr(feed, "NEXT", most)
                await check_feed(store, notes, user_id, limit=7)
                await check_feed(store, notes, user_id, limit=1)
            monkeypatch.undo()


async def check_rooms_at_every_version(store: Store, notes: Notes) -> None:
    asked = [
        (room_id, Version(version)) for room_id, room in notes.moments.items() for version in range(1, len(room) + 1)
    ]
    rooms = await store.bodies.rooms_at(asked)
    assert len(rooms) == len(asked)
    for (room_id, version), room in rooms.items():
        moment = notes.moments[room_id][version - 1]
        assert (room.name, room.member_count, room.bumped_at, room.version) == (
            moment.name,
            len(moment.members),
            moment.bumped_at,
            version,
        )
        last = moment.messages[-1] if moment.messages else None
        assert (room.last_message.content if room.last_message else None) == (last.content if last else None)


async def check_decisions_at_every_version(store: Store, notes: Notes) -> None:
    recorded = {type(moment.event) for room in notes.moments.values() for moment in room}
    assert {kind for kind in KINDS if ".governance." in kind.__module__} <= recorded
    for room_id, room in notes.moments.items():
        for version, moment in enumerate(room, start=1):
            at = room_id, Version(version)
            listed = await store.members.at(*at)
            assert {member.id: member.role for member in listed} == moment.governed.roles
            assert [member.joined for member in listed] == sorted(member.joined for member in listed)
            in_force = {(each.aspect, each.member_id) for each in await store.room_roles.in_force(*at)}
            muted, banned = moment.governed.muted, moment.governed.banned
            assert in_force == {*(("mute", each) for each in muted), *(("ban", each) for each in banned)}
            shown = await store.bodies.room_at(*at)
            assert (shown.is_archived is True) == moment.governed.is_archived
            topic_version = moment.governed.topic_version
            topic = room[topic_version - 1].event.text if topic_version else UNSET
            assert shown.topic == topic
            for user_id, role in moment.governed.roles.items():
                own = await store.room_roles.own(user_id, *at)
                assert (own.role, own.muted is not UNSET) == (role, user_id in muted)


async def check_rooms_of(store: Store, notes: Notes, rooms: list[RoomId], user_id: UserId) -> None:
    mine = [room_id for room_id in rooms if user_id in notes.moments[room_id][-1].members]
    found = (await store.queries.rooms(user_id, page=1)).value
    assert found is not None
    assert found.count == len(mine)
    newest_first = sorted(mine, key=lambda room_id: notes.moments[room_id][-1].bumped_at, reverse=True)
    assert [room.id for room in found.results] == newest_first
    for room in found.results:
        assert room == await store.bodies.room_at(room.id, Version(len(notes.moments[room.id])))
        assert (await store.queries.room(user_id, room.id)).value == room
        page = (await store.queries.messages(user_id, room.id, page=1)).value
        assert page is not None
        said = notes.moments[room.id][-1].messages
        assert [message.content for message in page.results] == [event.content for event in reversed(said)][:100]
        assert page.count == len(said)
    for room_id in set(rooms) - set(mine):
        with pytest.raises(NotInRoom):
            await store.queries.room(user_id, room_id)
        with pytest.raises(NotInRoom):
            await store.queries.messages(user_id, room_id, page=1)


async def check_feed(store: Store, notes: Notes, user_id: UserId, *, limit: int) -> None:
    """Read in steps, from every position that a step can end at."""
    expected = notes.feeds[user_id]
    seen: list[int] = []
    after = LOG_START
    while True:
        step = await store.queries.feed(user_id, after=after, limit=limit)
        seen.extend(event.position for event in step.value)
        after = step.position
        if len(step.value) < limit:
            break
    assert seen == expected
    assert after == (await store.events())[-1].position


async def test_a_message_looks_the_same_in_a_page_in_the_events_and_in_the_feed(database_url: str) -> None:
    async with open_store(database_url) as store:
        room_id = await store.open_room(by=USERS[0])
        await store.chat.post_message(PostMessage(room_id, USERS[0], "hello"))
        page = (await store.queries.messages(USERS[0], room_id, page=1)).value
        events = (await store.queries.events(USERS[0], room_id, after=STREAM_START, limit=10)).value.events
        feed = (await store.queries.feed(USERS[0], after=LOG_START, limit=10)).value
        assert page is not None
        bodies = [event.body for event in (*events, *feed) if isinstance(event.body, Message)]
        assert bodies == [page.results[0]] * 2


async def test_an_event_shows_the_name_that_the_room_had_then_whenever_it_is_read(database_url: str) -> None:
    ada, bob = USERS[:2]
    async with open_store(database_url) as store:
        room_id = await store.open_room("First", by=ada)
        before = (await store.queries.events(ada, room_id, after=STREAM_START, limit=10)).value.events
        await store.chat.rename_room(RenameRoom(room_id, ada, "Second"))
        await store.chat.join_room(JoinRoom(room_id, bob))
        await store.chat.rename_room(RenameRoom(room_id, ada, "second"))
        events = (await store.queries.events(ada, room_id, after=STREAM_START, limit=10)).value.events
    assert events[:2] == before
    names = [event.body.room.name for event in events if isinstance(event.body, Member)]
    assert names == ["First", "First", "Second", "Second", "second"]


async def test_messages_before_an_id_are_a_cursor_that_new_messages_do_not_move(database_url: str) -> None:
    async with open_store(database_url) as store:
        room_id = await store.open_room(by=USERS[0])
        for number in range(5):
            await store.chat.post_message(PostMessage(room_id, USERS[0], str(number)))
        newest = (await store.queries.messages_before(USERS[0], room_id, before=Version(2**60), limit=2)).value.results
        await store.chat.post_message(PostMessage(room_id, USERS[0], "new"))
        older = (await store.queries.messages_before(USERS[0], room_id, before=newest[-1].id, limit=2)).value.results
        assert [message.content for message in (*newest, *older)] == ["4", "3", "2", "1"]


async def test_a_read_in_any_process_sees_a_write_that_was_answered(database_url: str) -> None:
    async with open_store(database_url) as one, open_store(database_url) as two:
        room_id = await one.open_room(by=USERS[0])
        for writing, reading in ((one, two), (two, one)):
            recorded = await writing.chat.post_message(PostMessage(room_id, USERS[0], "hello"))
            read = await reading.queries.messages(USERS[0], room_id, page=1)
            assert read.position >= recorded.position
            assert read.value is not None
            assert read.value.results[0].id == recorded.event.originator_version
