"""What decisions ask that no aggregate remembers. The read models answer under the append lock: nothing comes between
the answer and the decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from domain.values import RoomId, UserId

T_co = TypeVar("T_co", covariant=True)


class Question(Generic[T_co]):
    """A question that is answered with a `T_co`. The read models know each kind (`projections/readmodels/facts/`)."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class NameHolder:
    """Whether another public room has a name, and the text under which the room that asks has it already, or None."""

    is_taken: bool
    present: str | None


@dataclass(frozen=True, slots=True)
class WhoHasName(Question[NameHolder]):
    """Which public rooms have a name with this key, besides the room that would get it? None: the name that it has."""

    name_key: str | None
    room_id: RoomId


@dataclass(frozen=True, slots=True)
class DirectRoomOf(Question[RoomId | None]):
    """Which is the direct conversation of these people, whose ids are ascending? None until there is one."""

    people: tuple[UserId, ...]


@dataclass(frozen=True, slots=True)
class SaidMessage:
    """A message as decisions about it see it. `content` is what it says now; None where the words were erased."""

    message: int
    author: UserId
    posted_at: datetime
    content: str | None
    edit_count: int
    is_retracted: bool
    is_pinned: bool
    pin_count: int
    """Of the room."""
    emoji: frozenset[str]
    """With which anybody reacted."""
    own_emoji: frozenset[str]
    """With which the user who asks reacted."""
    mentions: frozenset[UserId] = frozenset()
    """Whom it mentions, `EVERYONE` among them."""
    has_files: bool = False

    @property
    def is_erased(self) -> bool:
        return self.content is None


@dataclass(frozen=True, slots=True)
class WhatWasSaid(Question[SaidMessage | None]):
    """What is the message that this version of the room added, for this user? None where it added none."""

    room_id: RoomId
    message: int
    user_id: UserId


@dataclass(frozen=True, slots=True)
class WhichVersions(Question[Sequence[int]]):
    """Which versions hold words of the messages that these versions added or edited? Ascending, with these versions."""

    room_id: RoomId
    versions: tuple[int, ...]
