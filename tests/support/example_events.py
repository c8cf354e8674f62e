"""One event of each kind, filled with values by the types of its fields: for tests that look at every kind."""

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, Literal, get_args, get_origin, get_type_hints
from uuid import UUID

from domain.room import Room, RoomEvent
from domain.values import UserId

ROOM_ID = UUID(int=1)
ACTOR = UserId(7)
WORDS = "words that a person wrote"

GIVEN_BY_THE_LIBRARY = {
    "originator_id": ROOM_ID,
    "originator_topic": Room.TOPIC,
    "timestamp": datetime(2026, 1, 1, tzinfo=UTC),
}
FILE = {
    "id": "0b8f7c1e-6f0a-4c59-9a53-6c0a3f0d7e11",
    "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "size": 0,
    "media_type": "application/octet-stream",
    "width": None,
    "height": None,
}
VALUES = {
    int: ACTOR,
    str: WORDS,
    list[int]: [1],
    list[dict[str, Any]]: [FILE],
    datetime: datetime(2026, 2, 1, tzinfo=UTC),
}
"""What a field of each type holds."""


def example(kind: type[RoomEvent], *, version: int = 3) -> RoomEvent:
    """An event of this kind, at a version of room ROOM_ID, by ACTOR, with WORDS in every text."""
    hints = get_type_hints(kind)
    values: dict[str, Any] = {"originator_version": version}
    for name in (field.name for field in fields(kind) if field.name not in values):
        values[name] = GIVEN_BY_THE_LIBRARY[name] if name in GIVEN_BY_THE_LIBRARY else value_of(hints[name])
    return kind(**values)


def value_of(hint: Any) -> Any:
    """A value of that type; for one of several, of the first that is in VALUES; for a literal, the first."""
    if get_origin(hint) is Literal:
        return get_args(hint)[0]
    for candidate in (hint, *get_args(hint)):
        plain = getattr(candidate, "__supertype__", candidate)
        if plain in VALUES:
            return VALUES[plain]
    raise TypeError(f"no example of {hint}: add one to VALUES")
