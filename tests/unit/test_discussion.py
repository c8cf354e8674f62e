"""The rules of what is done about a message: what each command records, and what it refuses."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.emoji import qualified
from domain.errors import (
    ChatError,
    EditWindowOver,
    ErasedMessage,
    InvalidField,
    NoSuchMessage,
    NoSuchReaction,
    NotAMember,
    NotPinned,
    NotYourMessage,
    PinnedAlready,
    ReactedAlready,
    RetractedMessage,
    TooManyEdits,
    TooManyPins,
    TooManyReactions,
)
from domain.questions import SaidMessage
from domain.room import Room
from domain.room.discussion.editing import MOST_EDITS
from domain.room.discussion.pinning import MOST_PINS
from domain.room.discussion.reacting import MOST_EMOJI
from tests.support.given_when_then import ADA, BOB, EVE, given, joined, recorded

THUMB, PARTY, HEART = "👍", "🎉", "❤️"


HELLO = SaidMessage(
    message=3,
    author=ADA,
    posted_at=datetime(2026, 1, 1, tzinfo=UTC),
    content="hello",
    edit_count=0,
    is_retracted=False,
    is_pinned=False,
    pin_count=0,
    emoji=frozenset(),
    own_emoji=frozenset(),
)


def hello(**known: Any) -> SaidMessage:
    """What ada said at version 3, as the read models tell."""
    return replace(HELLO, **known)


def test_the_author_edits_a_message_and_the_content_is_kept_as_sent() -> None:
    room = given(joined(BOB))
    room.edit(user_id=ADA, said=hello(), content="  hallo\n", is_in_time=True)
    assert recorded(room) == [
        (Room.MessageEdited, {"version": 4, "user_id": ADA, "message": 3, "content": "  hallo\n", "mentions": None})
    ]


def test_the_author_retracts_a_message_with_or_without_a_reason() -> None:
    room = given(joined(BOB))
    room.retract(user_id=ADA, said=hello(), why=" ")
    room.retract(user_id=ADA, said=hello(), why=" by mistake ")
    assert recorded(room) == [
        (Room.MessageRetracted, {"version": 4, "user_id": ADA, "message": 3, "why": None}),
        (Room.MessageRetracted, {"version": 5, "user_id": ADA, "message": 3, "why": "by mistake"}),
    ]


def test_who_may_moderate_retracts_what_others_said_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    room = given(joined(BOB))
    monkeypatch.setattr(Room, "may_moderate", lambda *_: True)
    with pytest.raises(InvalidField) as refusal:
        room.retract(user_id=BOB, said=hello(), why="")
    assert refusal.value.field == "why"
    room.retract(user_id=BOB, said=hello(), why="off topic")
    assert recorded(room) == [(Room.MessageRetracted, {"version": 4, "user_id": BOB, "message": 3, "why": "off topic"})]


def test_members_react_take_it_back_pin_and_unpin() -> None:
    room = given(joined(BOB))
    room.react(user_id=BOB, said=hello(), emoji="❤")  # as some keyboards send it
    room.take_back_reaction(user_id=BOB, said=hello(own_emoji=frozenset({HEART})), emoji="❤")
    room.pin(user_id=BOB, said=hello())
    room.unpin(user_id=BOB, said=hello(is_pinned=True))
    assert recorded(room) == [
        (Room.ReactionAdded, {"version": 4, "user_id": BOB, "message": 3, "emoji": HEART}),
        (Room.ReactionRemoved, {"version": 5, "user_id": BOB, "message": 3, "emoji": HEART}),
        (Room.MessagePinned, {"version": 6, "user_id": BOB, "message": 3}),
        (Room.MessageUnpinned, {"version": 7, "user_id": BOB, "message": 3}),
    ]


def test_a_reply_says_which_message_it_answers() -> None:
    room = given(joined(BOB))
    room.reply(user_id=BOB, content="indeed", to=hello())
    ((kind, facts),) = recorded(room)
    assert (kind, facts["content"], facts["reply_to"]) == (Room.MessageAdded, "indeed", 3)


Command = Callable[[Room, SaidMessage | None], None]

EVERY: dict[str, Command] = {
    "edit": lambda room, said: room.edit(user_id=ADA, said=said, content="hallo", is_in_time=True),
    "retract": lambda room, said: room.retract(user_id=ADA, said=said, why=""),
    "react": lambda room, said: room.react(user_id=ADA, said=said, emoji=THUMB),
    "take back": lambda room, said: room.take_back_reaction(user_id=ADA, said=said, emoji=THUMB),
    "pin": lambda room, said: room.pin(user_id=ADA, said=said),
    "unpin": lambda room, said: room.unpin(user_id=ADA, said=said),
    "reply": lambda room, said: room.reply(user_id=ADA, content="indeed", to=said),
}


@pytest.mark.parametrize("command", EVERY.values(), ids=EVERY)
@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        (None, NoSuchMessage),
        (hello(is_retracted=True), RetractedMessage),
        (hello(content=None), ErasedMessage),
    ],
    ids=["never said", "retracted", "erased"],
)
def test_nothing_is_done_about_a_message_that_is_not_there_any_more(
    command: Command, said: SaidMessage | None, refusal: type[ChatError]
) -> None:
    room = given()
    with pytest.raises(refusal):
        command(room, said)
    assert recorded(room) == []


@pytest.mark.parametrize("command", EVERY.values(), ids=EVERY)
def test_only_members_do_anything_about_a_message(command: Command) -> None:
    room = given(by=EVE)
    with pytest.raises(NotAMember):
        command(room, hello())
    assert recorded(room) == []


REFUSED: dict[str, tuple[Command, type[ChatError]]] = {
    "an edit by another": (
        lambda room, _: room.edit(user_id=BOB, said=hello(), content="hallo", is_in_time=True),
        NotYourMessage,
    ),
    "an edit too late": (
        lambda room, _: room.edit(user_id=ADA, said=hello(), content="hallo", is_in_time=False),
        EditWindowOver,
    ),
    "an edit that changes nothing": (
        lambda room, _: room.edit(user_id=ADA, said=hello(), content="hello", is_in_time=True),
        InvalidField,
    ),
    "a blank edit": (
        lambda room, _: room.edit(user_id=ADA, said=hello(), content=" ", is_in_time=True),
        InvalidField,
    ),
    "one edit too many": (
        lambda room, _: room.edit(user_id=ADA, said=hello(edit_count=MOST_EDITS), content="hallo", is_in_time=True),
        TooManyEdits,
    ),
    "a retraction by another": (
        lambda room, _: room.retract(user_id=BOB, said=hello(), why="off topic"),
        NotYourMessage,
    ),
    "a long reason": (lambda room, _: room.retract(user_id=ADA, said=hello(), why="x" * 501), InvalidField),
    "the same reaction": (
        lambda room, _: room.react(user_id=BOB, said=hello(own_emoji=frozenset({HEART})), emoji="❤"),
        ReactedAlready,
    ),
    "one emoji too many": (
        lambda room, _: room.react(user_id=BOB, said=hello(emoji=frozenset(map(str, range(MOST_EMOJI)))), emoji=THUMB),
        TooManyReactions,
    ),
    "no reaction to take back": (
        lambda room, _: room.take_back_reaction(user_id=BOB, said=hello(emoji=frozenset({THUMB})), emoji=THUMB),
        NoSuchReaction,
    ),
    "pinned already": (lambda room, _: room.pin(user_id=BOB, said=hello(is_pinned=True)), PinnedAlready),
    "one pin too many": (lambda room, _: room.pin(user_id=BOB, said=hello(pin_count=MOST_PINS)), TooManyPins),
    "not pinned": (lambda room, _: room.unpin(user_id=BOB, said=hello()), NotPinned),
}


@pytest.mark.parametrize(("command", "refusal"), REFUSED.values(), ids=REFUSED)
def test_a_refused_command_records_nothing(command: Command, refusal: type[ChatError]) -> None:
    room = given(joined(BOB))
    with pytest.raises(refusal):
        command(room, None)
    assert recorded(room) == []


def test_an_emoji_that_is_there_may_be_used_when_no_other_may() -> None:
    room = given(joined(BOB))
    room.react(user_id=BOB, said=hello(emoji=frozenset([THUMB, *map(str, range(MOST_EMOJI - 1))])), emoji=THUMB)
    assert len(recorded(room)) == 1


@pytest.mark.parametrize("text", [THUMB, "👍🏽", "👩🏽‍🚀", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", HEART])
def test_every_sequence_of_unicode_is_an_emoji(text: str) -> None:
    assert qualified(text) == text


@pytest.mark.parametrize("text", ["", "a", "👍👍", "👍 ", "🏽", ":+1:", "1", "\ufe0f", "\u200d"])
def test_anything_else_is_none(text: str) -> None:
    assert qualified(text) is None
