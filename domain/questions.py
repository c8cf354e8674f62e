"""What decisions ask that no aggregate remembers. The read models answer under the append lock: nothing comes between
the answer and the decision.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

from domain.values import RoomId, UserId

T_co = TypeVar("T_co", covariant=True)


class Question(Generic[T_co]):
    """A question that is answered with a `T_co`. The read models know each kind (`projections/readmodels/facts.py`)."""

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
