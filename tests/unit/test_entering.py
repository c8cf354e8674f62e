"""The rules of who enters a room and what members read, and the ranges of versions that follow from them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import (
    AlreadyAMember,
    AlreadyInvited,
    DirectRoom,
    InvalidField,
    LinkNotValid,
    NameTaken,
    NoSuchLink,
    NotAllowed,
    NotAMember,
    NotInvited,
    RoomIsArchived,
    RoomNotFound,
)
from domain.room import Room
from domain.room.access import History, Visibility
from domain.values import UserId
from eventstore.values import Version
from projections.readmodels.admission.readable import BEYOND, Readable
from tests.support.given_when_then import ADA, BOB, EVE

NOW = datetime(2100, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def opened(visibility: Visibility = "private", history: History = "all") -> Room:
    room = Room.open(name="Engines", user_id=ADA, visibility=visibility, history=history)
    room.collect_events()
    return room


def reads_from(room: Room, user_id: UserId) -> int:
    """From which version a user reads who joins now, by an invitation."""
    room.invite(user_id=ADA, invitee_id=user_id)
    room.join(user_id=user_id)
    joined = room.collect_events()[-1]
    assert isinstance(joined, Room.UserJoined)
    return joined.reads_from


@pytest.mark.parametrize(("history", "first"), [("all", 1), ("since_joining", 4)])
def test_a_joiner_reads_from_the_beginning_or_from_their_joining(history: History, first: int) -> None:
    assert reads_from(opened(history=history), BOB) == first


def test_opening_a_room_further_moves_where_joiners_begin_and_closing_it_does_not() -> None:
    room = opened()
    room.change_visibility(user_id=ADA, visibility="public", is_taken=False)
    assert reads_from(room, BOB) == 3
    room.change_visibility(user_id=ADA, visibility="private", is_taken=True)
    assert reads_from(room, EVE) == 3
    room.change_history(user_id=ADA, history="since_joining")
    room.change_history(user_id=ADA, history="all")
    assert reads_from(room, UserId(9)) == 10


def test_a_private_room_is_joined_by_the_invited_once() -> None:
    room = opened()
    with pytest.raises(RoomNotFound):
        room.join(user_id=BOB)
    room.invite(user_id=ADA, invitee_id=BOB)
    room.join(user_id=BOB)
    room.leave(user_id=BOB)
    with pytest.raises(RoomNotFound):
        room.join(user_id=BOB)


def test_an_archived_private_room_is_not_told_from_none() -> None:
    room = opened()
    room.archive(user_id=ADA)
    with pytest.raises(RoomNotFound):
        room.join(user_id=BOB)
    with pytest.raises(RoomIsArchived):
        room.invite(user_id=ADA, invitee_id=BOB)


def test_invitations_are_between_members_and_those_who_are_none() -> None:
    room = opened()
    room.invite(user_id=ADA, invitee_id=BOB)
    with pytest.raises(AlreadyInvited):
        room.invite(user_id=ADA, invitee_id=BOB)
    with pytest.raises(AlreadyAMember):
        room.invite(user_id=ADA, invitee_id=ADA)
    with pytest.raises(NotAMember):
        room.invite(user_id=BOB, invitee_id=EVE)
    room.decline_invitation(user_id=BOB)
    with pytest.raises(NotInvited):
        room.withdraw_invitation(user_id=ADA, invitee_id=BOB)
    with pytest.raises(RoomNotFound):
        room.decline_invitation(user_id=BOB)


def test_a_link_is_valid_until_it_is_used_up_expired_or_revoked() -> None:
    room = opened()
    room.make_link(user_id=ADA, token_hash="one", life=DAY, max_uses=1, now=NOW)
    room.make_link(user_id=ADA, token_hash="two", life=2 * DAY, max_uses=5, now=NOW)
    room.join_by_link(user_id=BOB, token_hash="one", now=NOW)
    with pytest.raises(LinkNotValid):
        room.join_by_link(user_id=EVE, token_hash="one", now=NOW)
    with pytest.raises(LinkNotValid):
        room.join_by_link(user_id=EVE, token_hash="two", now=NOW + 2 * DAY)
    with pytest.raises(AlreadyAMember):
        room.join_by_link(user_id=BOB, token_hash="two", now=NOW)
    room.revoke_link(user_id=BOB, link=4)
    with pytest.raises(LinkNotValid):
        room.join_by_link(user_id=EVE, token_hash="two", now=NOW)
    with pytest.raises(NoSuchLink):
        room.revoke_link(user_id=BOB, link=4)


def test_a_room_becomes_public_under_a_name_that_is_free_and_by_its_owners() -> None:
    room = opened()
    room.invite(user_id=ADA, invitee_id=BOB)
    room.join(user_id=BOB)
    with pytest.raises(NameTaken):
        room.change_visibility(user_id=ADA, visibility="public", is_taken=True)
    with pytest.raises(NotAllowed):
        room.change_visibility(user_id=BOB, visibility="public", is_taken=False)
    with pytest.raises(InvalidField):
        room.change_visibility(user_id=ADA, visibility="private", is_taken=False)


DECISIONS: list[Callable[[Room], None]] = [
    lambda room: room.leave(user_id=BOB),
    lambda room: room.invite(user_id=ADA, invitee_id=EVE),
    lambda room: room.rename(user_id=ADA, name="Us", is_taken=False, present=None),
    lambda room: room.change_visibility(user_id=ADA, visibility="public", is_taken=False),
    lambda room: room.change_history(user_id=ADA, history="since_joining"),
    lambda room: room.make_link(user_id=ADA, token_hash="one", life=DAY, max_uses=1, now=NOW),
    lambda room: room.remove(user_id=ADA, member_id=BOB, why="asked for"),
    lambda room: room.ban(user_id=ADA, member_id=BOB, minutes=5, why="asked for", now=NOW),
    lambda room: room.mute(user_id=ADA, member_id=BOB, minutes=5, why="asked for", now=NOW),
    lambda room: room.give_role(user_id=ADA, member_id=BOB, role="owner", why="asked for"),
    lambda room: room.set_topic(user_id=ADA, topic="Us"),
    lambda room: room.archive(user_id=ADA),
]


@pytest.mark.parametrize("decide", DECISIONS, ids=range(len(DECISIONS)))
def test_nothing_about_a_direct_conversation_is_decided(decide: Callable[[Room], None]) -> None:
    room = Room.open_direct(user_id=ADA, others=[BOB])
    with pytest.raises(DirectRoom):
        decide(room)


def test_a_direct_conversation_is_of_two_to_eight_people() -> None:
    assert set(Room.open_direct(user_id=EVE, others=[BOB, EVE, ADA]).members) == {ADA, BOB, EVE}
    for others in ([], [ADA], [UserId(number) for number in range(2, 10)]):
        with pytest.raises(InvalidField):
            Room.open_direct(user_id=ADA, others=others)


def test_ranges_know_what_is_in_them_and_what_comes_before_and_after() -> None:
    readable = Readable(((3, 5), (9, BEYOND)))
    assert [version for version in range(1, 12) if Version(version) in readable] == [3, 4, 5, 9, 10, 11]
    assert [readable.before(Version(version)) for version in (3, 4, 9, 10)] == [None, 3, 5, 9]
    assert [readable.after(Version(version)) for version in (0, 4, 5, 9)] == [3, 5, 9, 10]
    assert Version(1) not in Readable(())
