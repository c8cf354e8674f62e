"""Folds what owners and moderators decided: one row for each decision."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from domain.room import Room, RoomEvent
from domain.values import UserId
from postgres.calls import Call

FUNCTIONS = Path(__file__).with_name("governance_fold.sql")
"""The functions that this module calls."""

ROOM = UserId(0)
"""In the place of a member, where a decision is about the room."""


class About(NamedTuple):
    """What a decision is about, and what was decided."""

    aspect: str
    member_id: UserId = ROOM
    is_set: bool = True
    role: str | None = None
    until: datetime | None = None


class Decision(NamedTuple):
    """An event that has a row, and what it is about."""

    event: RoomEvent
    about: About


def decision(event: RoomEvent) -> Decision | None:
    """What was decided; None where the event is of another kind. Of members who left, only the removed ones were."""
    about = _about(event)
    return Decision(event, about) if about is not None else None


def _about(event: RoomEvent) -> About | None:
    match event:
        case Room.RoleGiven():
            return About("role", event.member_id, role=event.role)
        case Room.UserBanned():
            return About("ban", event.member_id, until=event.until)
        case Room.BanLifted():
            return About("ban", event.member_id, is_set=False)
        case Room.UserMuted():
            return About("mute", event.member_id, until=event.until)
        case Room.MuteLifted():
            return About("mute", event.member_id, is_set=False)
        case Room.UserLeft() if event.removed_by is not None:
            return About("removal", event.user_id)
        case Room.TopicSet():
            return About("topic", is_set=event.has_topic)
        case Room.RoomArchived():
            return About("archive")
        case Room.RoomReopened():
            return About("archive", is_set=False)
    return None


def fold_governance(decisions: Sequence[Decision], base: Call | int) -> Call:
    """The call that records decisions."""
    rows = [
        (
            event.originator_id,
            event.originator_version,
            aspect,
            member_id,
            event.actor,
            is_set,
            role,
            until,
            _plain(event),
        )
        for event, (aspect, member_id, is_set, role, until) in decisions
    ]
    return Call("fold_governance", base, *(list(column) for column in zip(*rows, strict=True)))


def _plain(event: RoomEvent) -> str | None:
    """The words where the log itself holds them; those that stand apart are joined when they are read."""
    if event.WORDS is None or getattr(event, "sealed", None) is not None:
        return None
    text: str | None = getattr(event, event.WORDS)
    return text
