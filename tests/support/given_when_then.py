"""Given facts, when a command, then facts: the words in which rules of the domain are tested."""

from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

from domain.room import Room
from domain.values import UserId

ADA, BOB, EVE = UserId(1), UserId(2), UserId(3)

Fact = Callable[[Room], None]


def given(*facts: Fact, name: str = "General", by: UserId = ADA) -> Room:
    """A room that `by` opened and to which all this happened since; nothing of it counts as recorded."""
    room = Room.open(name=name, user_id=by)
    for fact in facts:
        fact(room)
    room.collect_events()
    return room


def joined(user_id: UserId) -> Fact:
    return lambda room: room.join(user_id=user_id)


def left(user_id: UserId) -> Fact:
    return lambda room: room.leave(user_id=user_id)


def said(content: str, *, by: UserId) -> Fact:
    return lambda room: room.post(user_id=by, content=content)


def renamed(name: str, *, by: UserId) -> Fact:
    return lambda room: room.rename(user_id=by, name=name, is_taken=False, present=None)


def recorded(room: Room) -> list[tuple[type[Any], dict[str, Any]]]:
    """What the room recorded since `given`: class and fields of each event, without stream id and time."""
    return [(type(event), facts(event)) for event in room.collect_events()]


def facts(event: Any) -> dict[str, Any]:
    """The fields of an event that say what happened, and its version."""
    given_later = {
        "originator_id",
        "originator_topic",
        "timestamp",
        "sealed",
    }  # by the library, and when it is recorded
    return {
        "version" if field.name == "originator_version" else field.name: asdict(event)[field.name]
        for field in fields(event)
        if field.name not in given_later
    }
