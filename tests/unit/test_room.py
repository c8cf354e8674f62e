"""The rules of a room: what each command records, and what it refuses."""

import pytest
from eventsourcing.utils import get_topic

from domain.errors import AlreadyAMember, ChatError, InvalidField, NameTaken, NotAMember
from domain.names import name_key
from domain.room import TOPICS, Room, check_content, check_name
from domain.values import OPERATOR, UserId
from tests.support.given_when_then import ADA, BOB, Fact, given, joined, left, recorded, renamed, said

UNSAID = {"client_id": None, "reply_to": None, "mentions": None, "attachments": None}
"""Of a message with nothing but words."""

PUBLIC = {"visibility": "public", "history": "all", "people": None}
FREELY = {"reads_from": 1, "invitation": None, "link": None}
"""How one joins a public room whose history is for all."""


def test_opening_a_room_makes_the_opener_its_first_member() -> None:
    room = Room.open(name=" General ", user_id=ADA)
    assert recorded(room) == [
        (Room.RoomOpened, {"version": 1, "name": "General", "opened_by": ADA, **PUBLIC}),
        (Room.UserJoined, {"version": 2, "user_id": ADA, **FREELY}),
    ]


def test_a_member_posts_and_the_content_is_kept_as_sent() -> None:
    room = given()
    room.post(user_id=ADA, content="  hello\n", client_id=None)
    assert recorded(room) == [(Room.MessageAdded, {**UNSAID, "version": 3, "user_id": ADA, "content": "  hello\n"})]


def test_joining_and_leaving_are_one_event_each() -> None:
    room = given()
    room.join(user_id=BOB)
    room.leave(user_id=BOB)
    assert recorded(room) == [
        (Room.UserJoined, {"version": 3, "user_id": BOB, **FREELY}),
        (Room.UserLeft, {"version": 4, "user_id": BOB, "removed_by": None, "why": None}),
    ]


def test_who_left_may_join_again() -> None:
    room = given(joined(BOB), left(BOB))
    room.join(user_id=BOB)
    assert recorded(room) == [(Room.UserJoined, {"version": 5, "user_id": BOB, **FREELY})]


def test_joining_twice_is_refused_and_consumes_no_version() -> None:
    room = given(joined(BOB))
    with pytest.raises(AlreadyAMember):
        room.join(user_id=BOB)
    assert recorded(room) == []
    assert room.version == 3


@pytest.mark.parametrize("facts", [(), (joined(BOB), left(BOB))], ids=["never joined", "left"])
def test_only_members_post_and_leave(facts: tuple[Fact, ...]) -> None:
    room = given(*facts)
    version = room.version
    with pytest.raises(NotAMember):
        room.post(user_id=BOB, content="hello")
    with pytest.raises(NotAMember):
        room.leave(user_id=BOB)
    assert recorded(room) == []
    assert room.version == version


def test_an_owner_renames_the_room() -> None:
    room = given(joined(BOB))
    room.rename(user_id=ADA, name=" Bugs ", is_taken=False, present=None)
    assert recorded(room) == [(Room.RoomRenamed, {"version": 4, "user_id": ADA, "name": "Bugs"})]


def test_an_operator_who_is_no_member_renames_the_room() -> None:
    room = given()
    room.rename(user_id=OPERATOR, name="Bugs", is_taken=False, present=None)
    assert recorded(room) == [(Room.RoomRenamed, {"version": 3, "user_id": OPERATOR, "name": "Bugs"})]


@pytest.mark.parametrize(
    ("user_id", "name", "is_taken", "refusal"),
    [
        (BOB, "Bugs", False, NotAMember),
        (ADA, "Bugs", True, NameTaken),
        (ADA, " General ", False, InvalidField),
        (ADA, "two\nlines", False, InvalidField),
    ],
    ids=["by a stranger", "taken", "the name it has", "no name"],
)
def test_a_refused_name_changes_nothing(user_id: UserId, name: str, is_taken: bool, refusal: type[ChatError]) -> None:
    room = given()
    with pytest.raises(refusal):
        room.rename(user_id=user_id, name=name, is_taken=is_taken, present="General")
    assert recorded(room) == []


def test_a_room_that_was_renamed_may_have_its_old_name_again() -> None:
    room = given(renamed("Bugs", by=ADA))
    room.rename(user_id=ADA, name="General", is_taken=False, present=None)
    assert recorded(room) == [(Room.RoomRenamed, {"version": 4, "user_id": ADA, "name": "General"})]


UNSEEN = ("\u200b", "\u3164 \u115f", "\u202e", "\ufe0f", "\U000e0041")


@pytest.mark.parametrize("content", ["", " \n\t", "x" * 4001, "a\x00b", "\ud83d", *UNSEEN])
def test_content_that_cannot_be_a_message_is_refused(content: str) -> None:
    room = given(said("before", by=ADA))
    with pytest.raises(InvalidField) as refusal:
        room.post(user_id=ADA, content=content)
    assert refusal.value.field == "content"
    assert recorded(room) == []


@pytest.mark.parametrize("content", ["x" * 4000, "👩🏽‍🚀 हिन्दी עברית", "\u202etxet"])
def test_whatever_people_write_is_content(content: str) -> None:
    check_content(content)


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "two\nlines", "\x00", "a\u200bb", "a\u202eb", *UNSEEN])
def test_a_name_is_one_line_of_text(name: str) -> None:
    with pytest.raises(InvalidField) as refusal:
        check_name(name)
    assert refusal.value.field == "name"


def test_names_that_look_alike_to_people_are_the_same_name() -> None:
    assert name_key("  General  Chat ") == name_key("general chat") == name_key("ＧＥＮＥＲＡＬ chat")  # noqa: RUF001 - that they look alike is the point


def test_stored_topics_are_short_names_that_survive_moving_code() -> None:
    stored = {
        Room.RoomOpened: "room_opened",
        Room.UserJoined: "user_joined",
        Room.UserLeft: "user_left",
        Room.MessageAdded: "message_added",
        Room.RoomRenamed: "room_renamed",
        Room.ContentErased: "content_erased",
        Room.UserErased: "user_erased",
        Room.RoleGiven: "role_given",
        Room.UserBanned: "user_banned",
        Room.BanLifted: "ban_lifted",
        Room.UserMuted: "user_muted",
        Room.MuteLifted: "mute_lifted",
        Room.TopicSet: "topic_set",
        Room.RoomArchived: "room_archived",
        Room.RoomReopened: "room_reopened",
        Room.MessageEdited: "message_edited",
        Room.MessageRetracted: "message_retracted",
        Room.ReactionAdded: "reaction_added",
        Room.ReactionRemoved: "reaction_removed",
        Room.MessagePinned: "message_pinned",
        Room.MessageUnpinned: "message_unpinned",
        Room.VisibilityChanged: "visibility_changed",
        Room.HistoryChanged: "history_changed",
        Room.UserInvited: "user_invited",
        Room.InvitationWithdrawn: "invitation_withdrawn",
        Room.InvitationDeclined: "invitation_declined",
        Room.InvitationLinkMade: "invitation_link_made",
        Room.InvitationLinkRevoked: "invitation_link_revoked",
    }
    assert {event: get_topic(event) for event in stored} == stored
    assert tuple(stored.values()) == TOPICS
