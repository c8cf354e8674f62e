"""Whom a message names, and which of them it mentions."""

from datetime import UTC, datetime

import pytest

from domain.questions import SaidMessage
from domain.room import Room
from domain.room.mentioning import EVERYONE, MOST_MENTIONED, names_in
from domain.values import UserId
from tests.support.given_when_then import ADA, BOB, EVE, given, joined, recorded


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("hello", []),
        ("@ada", ["ada"]),
        ("is it @ada's, @bob?", ["ada", "bob"]),
        ("ask @ada.", ["ada"]),
        ("@ada.l and @ada and @ada", ["ada.l", "ada"]),
        ("ada@example.com", []),
        ("(@Zoë)", ["Zoë"]),
        ("a lone @ or two @@", []),
        ("> @room, **@ada**", ["room", "ada"]),
    ],
)
def test_names_follow_an_at_sign(content: str, names: list[str]) -> None:
    assert names_in(content) == names


def test_so_many_names_are_looked_up_and_no_more() -> None:
    assert len(names_in(" ".join(f"@user{number}" for number in range(100)))) == MOST_MENTIONED


def mentions_of(room: Room) -> list[int] | None:
    ((kind, facts),) = recorded(room)
    assert kind in {Room.MessageAdded, Room.MessageEdited}
    mentions: list[int] | None = facts["mentions"]
    return mentions


def test_members_are_mentioned_and_nobody_else() -> None:
    room = given(joined(BOB))
    room.post(user_id=ADA, content="…", named=[EVE, BOB, ADA, BOB])
    assert mentions_of(room) == [BOB]


def test_a_message_that_mentions_none_says_so() -> None:
    room = given(joined(BOB))
    room.post(user_id=ADA, content="…", named=[EVE])
    assert mentions_of(room) is None


@pytest.mark.parametrize(("author", "mentions"), [(ADA, [EVERYONE, BOB]), (BOB, [ADA])])
def test_owners_mention_everyone(author: UserId, mentions: list[int]) -> None:
    room = given(joined(BOB))
    room.post(user_id=author, content="…", named=[ADA, BOB, EVERYONE])
    assert mentions_of(room) == mentions


@pytest.mark.parametrize(
    ("before", "named", "mentions"), [([], [BOB, EVE], [BOB]), ([BOB], [BOB, EVERYONE], [EVERYONE]), ([BOB], [], None)]
)
def test_an_edit_mentions_whom_the_message_did_not(
    before: list[UserId], named: list[UserId], mentions: list[int] | None
) -> None:
    room = given(joined(BOB))
    said = SaidMessage(3, ADA, datetime.now(UTC), "…", 0, False, False, 0, frozenset(), frozenset(), frozenset(before))
    room.edit(user_id=ADA, said=said, content="other words", is_in_time=True, named=named)
    assert mentions_of(room) == mentions
