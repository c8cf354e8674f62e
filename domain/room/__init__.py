"""The Room aggregate. Each subject has a module: what is asked for, what is decided, what is recorded."""

from domain.room.erasing import ERASED_LIMIT
from domain.room.kinds import KINDS, LABELS, TOPICS, RoomEvent
from domain.room.naming import NAME_TAKEN
from domain.room.room import Room
from domain.room.texts import (
    CONTENT_LIMIT,
    NAME_LIMIT,
    REASON_LIMIT,
    TOPIC_LIMIT,
    check_content,
    check_name,
    check_reason,
    check_text,
    check_topic,
)

__all__ = [
    "CONTENT_LIMIT",
    "ERASED_LIMIT",
    "KINDS",
    "LABELS",
    "NAME_LIMIT",
    "NAME_TAKEN",
    "REASON_LIMIT",
    "TOPICS",
    "TOPIC_LIMIT",
    "Room",
    "RoomEvent",
    "check_content",
    "check_name",
    "check_reason",
    "check_text",
    "check_topic",
]
