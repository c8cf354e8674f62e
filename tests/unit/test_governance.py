"""Owners, moderators and members: who may do what, and what is recorded of it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from eventsourcing.domain import Snapshot

from domain.errors import (
    ActsOnSelf,
    BannedFromRoom,
    ChatError,
    HigherRole,
    InvalidField,
    LastOwner,
    MutedInRoom,
    NoSuchMember,
    NotAllowed,
    NotAMember,
    NotBanned,
    NotMuted,
    RoomIsArchived,
    RoomNotArchived,
    SameRole,
)
from domain.room import Room
from domain.room.governance.moderation import LONGEST_MINUTES
from domain.room.state import RoomRole
from domain.values import OPERATOR, UserId
from eventstore.mapper import create_mapper
from replay.room_rules import Impossible, RoomRules
from tests.support.given_when_then import ADA, BOB, EVE, Fact, given, joined, left, recorded

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def role(member: UserId, role: RoomRole, *, by: UserId = ADA) -> Fact:
    return lambda room: room.give_role(user_id=by, member_id=member, role=role, why="trusted")


def muted(member: UserId, *, by: UserId = ADA) -> Fact:
    return lambda room: room.mute(user_id=by, member_id=member, minutes=60, why="spam", now=NOW)


def banned(member: UserId, *, by: UserId = ADA) -> Fact:
    return lambda room: room.ban(user_id=by, member_id=member, minutes=60, why="spam", now=NOW)


def archived(room: Room) -> None:
    room.archive(user_id=ADA)


def roles(room: Room) -> dict[UserId, RoomRole | None]:
    return {user_id: room.role_of(user_id) for user_id in room.members}


ALL = (joined(BOB), joined(EVE))


def test_the_opener_is_the_owner() -> None:
    assert roles(given(*ALL)) == {ADA: "owner", BOB: "member", EVE: "member"}
    assert given().role_of(BOB) is None


def test_in_a_room_of_before_roles_the_longest_standing_member_is_the_owner() -> None:
    room = given(*ALL)
    room.trigger_event(Room.UserLeft, user_id=ADA)  # as the release before recorded it
    assert roles(room) == {BOB: "owner", EVE: "member"}
    room.join(user_id=ADA)
    assert roles(room) == {BOB: "owner", EVE: "member", ADA: "member"}


def test_nobody_owns_a_direct_conversation() -> None:
    room = Room.open_direct(user_id=ADA, others=[BOB, EVE])
    assert roles(room) == {ADA: "member", BOB: "member", EVE: "member"}
    assert room.named_roles() == {}


def test_an_owner_who_names_another_stays_one() -> None:
    room = given(*ALL)
    room.give_role(user_id=ADA, member_id=BOB, role="owner", why=" trusted ")
    first, second = recorded(room)
    assert (first[0], first[1]["user_id"], first[1]["member_id"]) == (Room.RoleGiven, OPERATOR, ADA)
    assert second == (
        Room.RoleGiven,
        {"version": 6, "user_id": ADA, "member_id": BOB, "role": "owner", "why": "trusted"},
    )
    assert roles(room) == {ADA: "owner", BOB: "owner", EVE: "member"}


def test_a_moderator_is_named_by_one_event() -> None:
    room = given(*ALL, role(BOB, "moderator"))
    assert roles(room) == {ADA: "owner", BOB: "moderator", EVE: "member"}
    assert room.version == 5


def test_a_role_ends_when_the_member_leaves() -> None:
    assert roles(given(*ALL, role(BOB, "moderator"), left(BOB), joined(BOB)))[BOB] == "member"


def test_an_operator_may_do_everything() -> None:
    room = given(*ALL)
    room.give_role(user_id=OPERATOR, member_id=BOB, role="owner", why="asked")
    room.remove(user_id=OPERATOR, member_id=ADA, why="asked")
    room.archive(user_id=OPERATOR)
    room.reopen(user_id=OPERATOR)
    room.set_topic(user_id=OPERATOR, topic="steam")
    assert roles(room) == {BOB: "owner", EVE: "member"}


def test_when_an_operator_removes_the_last_owner_the_longest_standing_moderator_is_one() -> None:
    room = given(*ALL, role(EVE, "moderator"))
    room.remove(user_id=OPERATOR, member_id=ADA, why="asked")
    assert [kind for kind, _ in recorded(room)] == [Room.RoleGiven, Room.UserLeft]
    assert roles(room) == {BOB: "member", EVE: "owner"}


def test_when_the_only_owner_can_act_no_more_another_member_is_made_one() -> None:
    room = given(*ALL)
    room.succeed(user_id=ADA, why="deactivated")
    assert roles(room) == {ADA: "member", BOB: "owner", EVE: "member"}
    assert [fields["member_id"] for kind, fields in recorded(room) if kind is Room.RoleGiven] == [BOB, ADA], "for pages"
    for another in (ADA, EVE):
        with pytest.raises(SameRole):
            room.succeed(user_id=another, why="deactivated")


def test_a_named_owner_who_can_act_no_more_does_not_count_as_one() -> None:
    room = given(*ALL, role(BOB, "owner"), left(ADA))
    room.succeed(user_id=BOB, why="deactivated")
    assert roles(room) == {BOB: "member", EVE: "owner"}
    with pytest.raises(LastOwner):
        room.leave(user_id=EVE)


Refused = tuple[tuple[Fact, ...], Callable[[Room], None], type[ChatError]]

REFUSED: dict[str, Refused] = {
    "a member gives roles": (ALL, role(BOB, "owner", by=BOB), NotAllowed),
    "a moderator gives roles": ((*ALL, role(BOB, "moderator")), role(EVE, "owner", by=BOB), NotAllowed),
    "a role to a stranger": ((), role(EVE, "owner"), NoSuchMember),
    "the role that it is": (ALL, role(BOB, "member"), SameRole),
    "the last owner steps down": (ALL, role(ADA, "member"), LastOwner),
    "the last owner leaves": (ALL, left(ADA), LastOwner),
    "a stranger decides": (ALL, lambda room: room.remove(user_id=UserId(9), member_id=BOB, why="no"), NotAMember),
    "a member removes": (ALL, lambda room: room.remove(user_id=BOB, member_id=EVE, why="no"), NotAllowed),
    "a moderator removes an owner": (
        (*ALL, role(BOB, "moderator")),
        lambda room: room.remove(user_id=BOB, member_id=ADA, why="no"),
        HigherRole,
    ),
    "no reason": (ALL, lambda room: room.remove(user_id=ADA, member_id=BOB, why=" "), InvalidField),
    "removing a stranger": ((), lambda room: room.remove(user_id=ADA, member_id=BOB, why="no"), NoSuchMember),
    "removing oneself": (ALL, lambda room: room.remove(user_id=ADA, member_id=ADA, why="no"), ActsOnSelf),
    "muting a stranger": ((), muted(BOB), NoSuchMember),
    "a mute of no time": (
        ALL,
        lambda room: room.mute(user_id=ADA, member_id=BOB, minutes=0, why="no", now=NOW),
        InvalidField,
    ),
    "a ban of too long a time": (
        ALL,
        lambda room: room.ban(user_id=ADA, member_id=BOB, minutes=LONGEST_MINUTES + 1, why="no", now=NOW),
        InvalidField,
    ),
    "lifting no ban": (ALL, lambda room: room.lift_ban(user_id=ADA, member_id=BOB, why="no", now=NOW), NotBanned),
    "lifting no mute": (ALL, lambda room: room.lift_mute(user_id=ADA, member_id=BOB, why="no", now=NOW), NotMuted),
    "lifting a mute that ended": (
        (*ALL, muted(BOB)),
        lambda room: room.lift_mute(user_id=ADA, member_id=BOB, why="no", now=LATER),
        NotMuted,
    ),
    "a member renames": (
        ALL,
        lambda room: room.rename(user_id=BOB, name="Mine", is_taken=False, present=None),
        NotAllowed,
    ),
    "a member sets the topic": (ALL, lambda room: room.set_topic(user_id=BOB, topic="mine"), NotAllowed),
    "no topic to end": ((), lambda room: room.set_topic(user_id=ADA, topic=" "), InvalidField),
    "a topic of two lines": ((), lambda room: room.set_topic(user_id=ADA, topic="a\nb"), InvalidField),
    "a moderator archives": (
        (*ALL, role(BOB, "moderator")),
        lambda room: room.archive(user_id=BOB),
        NotAllowed,
    ),
    "archived already": ((archived,), archived, RoomIsArchived),
    "not archived": ((), lambda room: room.reopen(user_id=ADA), RoomNotArchived),
    "posting in an archived room": ((archived,), lambda room: room.post(user_id=ADA, content="hello"), RoomIsArchived),
    "joining an archived room": ((archived,), joined(BOB), RoomIsArchived),
    "posting when muted": (
        (*ALL, muted(BOB)),
        lambda room: room.post(user_id=BOB, content="hello", now=LATER - timedelta(seconds=1)),
        MutedInRoom,
    ),
    "posting when muted, having come back": (
        (*ALL, muted(BOB), left(BOB), joined(BOB)),
        lambda room: room.post(user_id=BOB, content="hello", now=NOW),
        MutedInRoom,
    ),
    "joining when banned": ((*ALL, banned(BOB)), lambda room: room.join(user_id=BOB, now=NOW), BannedFromRoom),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_records_nothing(case: str) -> None:
    facts, command, refusal = REFUSED[case]
    room = given(*facts)
    version = room.version
    with pytest.raises(refusal):
        command(room)
    assert recorded(room) == []
    assert room.version == version


def test_bans_and_mutes_end_by_the_clock() -> None:
    room = given(*ALL, muted(BOB), banned(EVE))
    room.post(user_id=BOB, content="hello", now=LATER)
    room.join(user_id=EVE, now=LATER)
    assert [kind for kind, _ in recorded(room)] == [Room.MessageAdded, Room.UserJoined]


def test_a_ban_of_a_member_is_two_events_with_one_reason() -> None:
    room = given(*ALL)
    room.ban(user_id=ADA, member_id=BOB, minutes=60, why="spam", now=NOW)
    assert recorded(room) == [
        (Room.UserBanned, {"version": 5, "user_id": ADA, "member_id": BOB, "until": LATER, "why": "spam"}),
        (Room.UserLeft, {"version": 6, "user_id": BOB, "removed_by": ADA, "why": "spam"}),
    ]


def test_a_stranger_is_banned_by_one_event() -> None:
    room = given()
    room.ban(user_id=ADA, member_id=BOB, minutes=60, why="spam", now=NOW)
    assert [kind for kind, _ in recorded(room)] == [Room.UserBanned]


def test_of_bans_and_mutes_that_ended_nothing_is_kept_in_memory() -> None:
    room = given(*ALL, muted(BOB))
    room.mute(user_id=ADA, member_id=EVE, minutes=60, why="spam", now=datetime.now(UTC))
    assert set(room.muted_until) == {EVE}


def test_a_topic_is_kept_without_space_around_and_ends() -> None:
    room = given()
    room.set_topic(user_id=ADA, topic=" steam ")
    room.set_topic(user_id=ADA, topic="")
    assert recorded(room) == [
        (Room.TopicSet, {"version": 3, "user_id": ADA, "topic": "steam"}),
        (Room.TopicSet, {"version": 4, "user_id": ADA, "topic": None}),
    ]


def test_who_may_act_on_what_others_said() -> None:
    room = given(*ALL, role(BOB, "moderator"))
    assert room.may_moderate(BOB, EVE)
    assert room.may_moderate(BOB, UserId(9))  # who left
    assert room.may_moderate(OPERATOR, ADA)
    assert not room.may_moderate(BOB, ADA)
    assert not room.may_moderate(EVE, EVE)


def test_a_snapshot_keeps_roles_bans_mutes_and_the_order_of_joining() -> None:
    room = given(*ALL, role(EVE, "moderator"), muted(EVE), banned(BOB), archived)
    mapper = create_mapper()
    snapshot = mapper.to_domain_event(mapper.to_stored_event(Snapshot.take(room)))
    assert isinstance(snapshot, Snapshot)
    restored = snapshot.mutate(None)
    assert isinstance(restored, Room)
    assert restored == room
    assert list(restored.members) == list(room.members) == [ADA, EVE]
    assert roles(restored) == {ADA: "owner", EVE: "moderator"}


def test_the_rules_of_replay_find_what_a_muted_or_banned_person_cannot_have_done() -> None:
    events = recorded_events(joined(BOB), joined(EVE), muted_now(BOB), banned_now(EVE))
    rules = RoomRules()
    for event in events:
        rules.apply(event)

    def later(kind: type[Any], **fields: object) -> Any:
        place = {"originator_id": events[0].originator_id, "originator_version": 99, "timestamp": datetime.now(UTC)}
        return kind(**place, **fields)

    for impossible in (
        later(Room.MessageAdded, user_id=BOB, content="hello"),
        later(Room.UserJoined, user_id=EVE),
        later(Room.RoleGiven, user_id=BOB, member_id=ADA, role="member", why="no"),
        later(Room.UserLeft, user_id=ADA, removed_by=BOB, why="no"),
        later(Room.TopicSet, user_id=BOB, topic="mine"),
        later(Room.UserBanned, user_id=OPERATOR, member_id=UserId(-1), until=LATER, why="no"),
    ):
        with pytest.raises(Impossible):
            rules.apply(impossible)


def muted_now(member: UserId) -> Fact:
    return lambda room: room.mute(user_id=ADA, member_id=member, minutes=60, why="spam", now=datetime.now(UTC))


def banned_now(member: UserId) -> Fact:
    return lambda room: room.ban(user_id=ADA, member_id=member, minutes=60, why="spam", now=datetime.now(UTC))


def recorded_events(*facts: Fact) -> list[Any]:
    room = Room.open(name="General", user_id=ADA)
    for fact in facts:
        fact(room)
    return list(room.collect_events())
