"""How a room begins."""

from dataclasses import dataclass
from typing import Any

from eventsourcing.domain import Aggregate

from domain.names import name_key
from domain.room.event import Event
from domain.values import ClientId, UserId
from domain.words import Words, words


@dataclass(frozen=True, slots=True)
class OpenRoom:
    """Open a room called `name` with the opener as its first member."""

    name: str
    user_id: UserId
    client_id: ClientId | None = None


class RoomOpened(Event, Aggregate.Created):
    """Version 1 of every room."""

    TOPIC = "room_opened"
    LABEL = "opened the room"
    WORDS = "name"
    class_version = 2
    opened_by: UserId
    name: str | None = None
    sealed: str | None = None
    compared = staticmethod(name_key)

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["sealed"] = None  # the name is in the log

    @property
    def actor(self) -> UserId:
        return self.opened_by

    @property
    def words(self) -> Words:
        return words(self.name, self.sealed)
