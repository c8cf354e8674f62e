"""What decisions about messages are told, on a real PostgreSQL: also of what their own batch does before them."""

import asyncio
from collections.abc import Awaitable

import pytest

from domain.errors import (
    ChatError,
    NotPinned,
    PinnedAlready,
    ReactedAlready,
    RetractedMessage,
    TooManyEdits,
    TooManyPins,
    TooManyReactions,
)
from domain.room.discussion import editing, pinning, reacting
from domain.room.discussion.editing import EditMessage
from domain.room.discussion.pinning import PinMessage, UnpinMessage
from domain.room.discussion.reacting import AddReaction, RemoveReaction
from domain.room.discussion.retracting import RetractMessage
from domain.room.membership import JoinRoom
from domain.room.messages import PostMessage
from domain.values import RoomId
from tests.support.given_when_then import ADA, BOB
from tests.support.store import Store, append_lock_held, eventually_submitted

THUMB, PARTY = "👍", "🎉"


@pytest.fixture
async def room(store: Store) -> RoomId:
    """Ada says 3 and 4; bob joins at 5."""
    room_id = await store.open_room("General", by=ADA)
    for content in ("one", "two"):
        await store.chat.post_message(PostMessage(room_id, ADA, content))
    await store.chat.join_room(JoinRoom(room_id, BOB))
    return room_id


async def outcomes(store: Store, dsn: str, *commands: Awaitable[object], at_once: bool) -> list[type[ChatError] | None]:
    """What came of each: one after the other, or all in one transaction."""
    results: list[object] = []
    if at_once:
        async with append_lock_held(dsn):
            tasks = [asyncio.ensure_future(command) for command in commands]
            await eventually_submitted(store, 0)
        results = await asyncio.gather(*tasks, return_exceptions=True)
    else:
        for command in commands:
            results += await asyncio.gather(command, return_exceptions=True)
    assert all(isinstance(each, ChatError) or not isinstance(each, Exception) for each in results), results
    return [type(each) if isinstance(each, ChatError) else None for each in results]


at_once = pytest.mark.parametrize("at_once", [False, True], ids=["in turn", "in one batch"])


@at_once
async def test_every_decision_sees_what_those_before_it_did(
    store: Store, room: RoomId, database_url: str, at_once: bool
) -> None:
    talk = store.discussion
    found = await outcomes(
        *(store, database_url),
        talk.react(AddReaction(room, BOB, 3, THUMB)),
        talk.react(AddReaction(room, BOB, 3, THUMB)),
        talk.react(AddReaction(room, ADA, 3, THUMB)),
        talk.take_back_reaction(RemoveReaction(room, BOB, 3, THUMB)),
        talk.react(AddReaction(room, BOB, 3, THUMB)),
        talk.pin(PinMessage(room, BOB, 3)),
        talk.pin(PinMessage(room, ADA, 3)),
        talk.unpin(UnpinMessage(room, ADA, 3)),
        talk.unpin(UnpinMessage(room, ADA, 3)),
        talk.retract(RetractMessage(room, ADA, 3)),
        talk.edit(EditMessage(room, ADA, 3, "too late")),
        store.chat.post_message(PostMessage(room, BOB, "too late", reply_to=3)),
        at_once=at_once,
    )
    assert found == [
        *(None, ReactedAlready, None, None, None),
        *(None, PinnedAlready, None, NotPinned),
        *(None, RetractedMessage, RetractedMessage),
    ]


@at_once
async def test_limits_count_what_the_batch_adds(
    store: Store, room: RoomId, database_url: str, at_once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(editing, "MOST_EDITS", 1)
    monkeypatch.setattr(reacting, "MOST_EMOJI", 1)
    monkeypatch.setattr(pinning, "MOST_PINS", 1)
    talk = store.discussion
    found = await outcomes(
        *(store, database_url),
        talk.edit(EditMessage(room, ADA, 3, "once")),
        talk.edit(EditMessage(room, ADA, 3, "twice")),
        talk.react(AddReaction(room, BOB, 3, THUMB)),
        talk.react(AddReaction(room, BOB, 3, PARTY)),
        talk.pin(PinMessage(room, BOB, 3)),
        talk.pin(PinMessage(room, BOB, 4)),
        talk.retract(RetractMessage(room, ADA, 3)),  # which takes it down
        talk.pin(PinMessage(room, BOB, 4)),
        at_once=at_once,
    )
    assert found == [None, TooManyEdits, None, TooManyReactions, None, TooManyPins, None, None]


async def test_an_edit_is_compared_with_what_the_message_says_now(
    store: Store, room: RoomId, database_url: str
) -> None:
    talk = store.discussion
    found = await outcomes(
        *(store, database_url),
        talk.edit(EditMessage(room, ADA, 3, "two")),
        talk.edit(EditMessage(room, ADA, 3, "one")),
        talk.edit(EditMessage(room, ADA, 3, "one")),
        at_once=True,
    )
    assert [each is None for each in found] == [True, True, False]


async def test_a_reply_may_answer_what_is_said_in_the_same_transaction(
    store: Store, room: RoomId, database_url: str
) -> None:
    found = await outcomes(
        *(store, database_url),
        store.chat.post_message(PostMessage(room, ADA, "three")),
        store.chat.post_message(PostMessage(room, BOB, "indeed", reply_to=6)),
        at_once=True,
    )
    assert found == [None, None]
