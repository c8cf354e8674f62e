"""How a room begins."""

from dataclasses import dataclass
from typing import Any

from eventsourcing.domain import Aggregate

from domain.names import name_key
from domain.room.access import History, Visibility
from domain.room.event import Event
from domain.values import ClientId, UserId
from domain.words import Words, words


@dataclass(frozen=True, slots=True)
class OpenRoom:
    """Open a room called `name`, public or private, with the opener as its first member."""

    name: str
    user_id: UserId
    client_id: ClientId | None = None
    visibility: Visibility = "public"
    history: History = "all"


@dataclass(frozen=True, slots=True)
class OpenDirect:
    """Open the direct conversation of a user with others."""

    user_id: UserId
    others: tuple[UserId, ...]
    client_id: ClientId | None = None


class RoomOpened(Event, Aggregate.Created):
    """Version 1 of every room. A direct one has no name: `people` are those whom it is of, in ascending order."""

    TOPIC = "room_opened"
    LABEL = "opened the room"
    WORDS = "name"
    WORDS_OPTIONAL = True
    class_version = 3
    opened_by: UserId
    name: str | None = None
    sealed: str | None = None
    visibility: Visibility = "public"
    history: History = "all"
    people: list[int] | None = None
    compared = staticmethod(name_key)

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["sealed"] = None  # the name is in the log

    @staticmethod
    def upcast_v2_v3(state: dict[str, Any]) -> None:
        state["visibility"] = "public"  # everyone found every room, joined it, and read all of it
        state["history"] = "all"
        state["people"] = None

    @property
    def actor(self) -> UserId:
        return self.opened_by

    @property
    def words(self) -> Words | None:
        return words(self.name, self.sealed) if self.people is None else None
