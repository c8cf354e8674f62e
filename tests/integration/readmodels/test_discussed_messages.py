"""Messages at every version, by the read models and by a replay of the events: whatever members do about them."""

import asyncio
import random
from uuid import uuid4

import pytest
from msgspec import UNSET

from domain.errors import ChatError
from domain.room.discussion.editing import EditMessage
from domain.room.discussion.pinning import PinMessage, UnpinMessage
from domain.room.discussion.reacting import AddReaction, RemoveReaction
from domain.room.discussion.retracting import RetractMessage
from domain.room.erasing import EraseContent
from domain.room.membership import JoinRoom
from domain.room.messages import PostMessage
from domain.values import OPERATOR, ClientId, RequestId, RoomId, UserId
from eventstore.values import STREAM_START, Version
from projections.readmodels.shapes import Message, MessageChange, ReactionChange, timestamp
from replay.investigate.past_messages import PastMessage
from tests.support.store import Store, open_store

USERS = [UserId(number) for number in range(1, 5)]
EMOJI = ["👍", "🎉", "❤️"]


async def talk(store: Store, seed: int) -> RoomId:
    """A room in which members talk about few messages at random, many at a time."""
    chance = random.Random(seed)
    room_id = await store.open_room("General", by=USERS[0])
    for user_id in USERS[1:]:
        await store.chat.join_room(JoinRoom(room_id, user_id))
    said = [await store.chat.post_message(PostMessage(room_id, USERS[number % 4], "hello")) for number in range(6)]
    versions = [recorded.event.originator_version for recorded in said]

    async def act() -> None:
        about = (room_id, chance.choice(USERS), chance.choice(versions))
        try:
            match chance.randrange(10):
                case 0 | 1 | 2:
                    await store.discussion.edit(EditMessage(*about, f"{chance.random()}"))
                case 3 | 4 | 5:
                    await store.discussion.react(AddReaction(*about, chance.choice(EMOJI)))
                case 6:
                    await store.discussion.take_back_reaction(RemoveReaction(*about, chance.choice(EMOJI)))
                case 7:
                    await store.discussion.pin(PinMessage(*about))
                case 8:
                    await store.discussion.unpin(UnpinMessage(*about))
                case _ if chance.random() < 0.2:
                    await store.discussion.retract(RetractMessage(*about, chance.choice(["", "why not"])))
                case _:
                    await store.chat.post_message(PostMessage(*about[:2], "indeed", reply_to=about[2]))
        except ChatError:
            pass

    for _ in range(16):
        await asyncio.gather(*(act() for _ in range(chance.randrange(1, 40))))
    return room_id


def as_replayed(message: PastMessage, *, is_hidden: bool) -> dict[str, object]:
    """What is shown of a message. It is hidden at every version once it was retracted."""
    if is_hidden:
        return {"id": message.version, "reply_to": message.added.reply_to, "content": "", "is_retracted": True}
    return {
        "id": message.version,
        "reply_to": message.added.reply_to,
        "content": message.said.text,
        "is_retracted": False,
        "edited_at": timestamp(message.edited_at) if message.edited_at is not None else UNSET,
        "reactions": message.reactions,
        "is_pinned": message.is_pinned,
    }


def as_read(message: Message) -> dict[str, object]:
    shown: dict[str, object] = {
        "id": message.id,
        "reply_to": message.reply_to if message.reply_to is not UNSET else None,
        "content": message.content,
        "is_retracted": message.retracted is not UNSET,
    }
    if message.retracted is not UNSET:
        assert (message.reactions, message.pinned) == (UNSET, UNSET)
        return shown
    reactions = message.reactions if message.reactions is not UNSET else []
    return shown | {
        "edited_at": message.edited_at,
        "reactions": {each.emoji: [user.id for user in each.users] for each in reactions},
        "is_pinned": message.pinned is not UNSET,
    }


@pytest.mark.parametrize("seed", range(3))
async def test_messages_and_bodies_are_those_of_a_replay_at_every_version(database_url: str, seed: int) -> None:
    async with open_store(database_url) as store:
        room_id, reader = await talk(store, seed), USERS[0]
        last = (await store.queries.room(reader, room_id)).value.version
        hidden = {m.version for m in (await store.time_travel.room_at(room_id)).messages if m.retraction is not None}
        events = (await store.queries.events(reader, room_id, after=STREAM_START, limit=1000)).value.events
        assert {event.type for event in events} >= {"message_edited", "reaction_removed", "message_unpinned"}
        for version in map(Version, range(6, last + 1)):
            then = {m.version: m for m in (await store.time_travel.room_at(room_id, version)).messages}
            page = await store.queries.messages_before(
                reader, room_id, before=Version(version + 1), limit=500, at=version
            )
            replayed = [as_replayed(m, is_hidden=m.version in hidden) for m in then.values()]
            assert [as_read(message) for message in reversed(page.value.results)] == replayed
            body = events[version - 1].body
            if isinstance(body, MessageChange):
                assert body.message in page.value.results
            elif isinstance(body, ReactionChange) and body.message_id not in hidden:
                told = {each.emoji: [user.id for user in each.users] for each in body.reactions}
                assert told == then[body.message_id].reactions
        now = (await store.queries.messages(reader, room_id, page=1)).value
        assert now is not None
        assert now.results == page.value.results[:100]
        pinned = (await store.messages.pinned(reader, room_id)).value
        assert {message.id for message in pinned} == {m.version for m in then.values() if m.is_pinned}


AT_ANOTHER_TIME = """
WITH said AS (SELECT * FROM stored_events WHERE originator_id = $1 AND originator_version = $2), added AS (
    INSERT INTO stored_events (originator_id, originator_version, topic, state)
    SELECT $1, $3, topic, convert_to(regexp_replace(convert_from(state, 'utf8'), '"20[^"]*"', $4), 'utf8') FROM said
    RETURNING originator_id
)
INSERT INTO bodies (stream, version, salt, content, client_id)
SELECT stream, $3, salt, content, client_id FROM bodies WHERE stream = $1 AND version = $2
"""


async def test_what_is_told_from_rows_is_what_is_told_of_the_events(database_url: str) -> None:
    """Plain messages are told from their rows: with replies, keys and odd times; all others from their events."""
    async with open_store(database_url) as store:
        room_id, reader = await talk(store, 7), USERS[0]
        erased = await store.chat.post_message(PostMessage(room_id, reader, "erased", ClientId("its key")))
        plain = await store.chat.post_message(PostMessage(room_id, reader, "a key", ClientId("key"), reply_to=6))
        await store.chat.post_message(PostMessage(room_id, reader, "@bob"), named=[USERS[1]])
        version = plain.event.originator_version
        request = EraseContent(room_id, (erased.event.originator_version,), OPERATOR, RequestId(uuid4()), "asked for")
        await store.chat.erase_content(request)
        for time in (
            "2026-01-20T10:22:26+00:00",
            "2026-01-20T12:22:26.122544+02:00",
            "2026-01-20T10:22:26.000001+00:00",
        ):
            last = (await store.events())[-1].version
            await store.database.execute(AT_ANOTHER_TIME, room_id, version, last + 1, f'"{time}"')
        await store.chat.post_message(PostMessage(room_id, reader, "folds them"))
        events = await store.events()
        told = await store.bodies.of([recorded for recorded in events if recorded.version > 1], reader=reader)
        assert {event.occurred_at for event in told} >= {
            "2026-01-20T10:22:26.000000Z",
            "2026-01-20T10:22:26.122544Z",
            "2026-01-20T10:22:26.000001Z",
        }
        assert (await store.queries.events(reader, room_id, after=Version(1), limit=1000)).value.events == told
        assert (await store.queries.feed(reader, after=events[0].position, limit=1000)).value == told
