"""What was erased."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.errors import InvalidField, NothingToErase
from domain.room.event import Event
from domain.room.state import RoomState
from domain.room.texts import check_reason
from domain.values import RequestId, RoomId, UserId
from domain.words import Words, words

ERASED_LIMIT = 1000
"""The most versions that one event erases."""


@dataclass(frozen=True, slots=True)
class EraseContent:
    """Erase the words of these versions of a room, as part of `request`."""

    room_id: RoomId
    versions: tuple[int, ...]
    erased_by: UserId
    request: RequestId
    why: str


@dataclass(frozen=True, slots=True)
class TellUserErased:
    """Tell a room that the account of `member_id` was erased."""

    room_id: RoomId
    member_id: UserId
    erased_by: UserId


class ContentErased(Event):
    """The words of these versions were erased, for `request`. The room keeps place, author and time of each.

    `why` is words too. Words that the log itself holds are never named here: they cannot be erased.
    """

    TOPIC = "content_erased"
    LABEL = "erased content"
    WORDS = "why"
    ERASES = "versions"
    erased_by: UserId
    versions: list[int]
    request: str
    why: str | None = None
    sealed: str | None = None

    @property
    def actor(self) -> UserId:
        return self.erased_by

    @property
    def words(self) -> Words:
        return words(self.why, self.sealed)


class UserErased(Event):
    """The account of a person whom the room's events name was erased: the number stays, the name is gone.

    It changes neither memberships nor words. Pages learn from it which name to show no longer.
    """

    TOPIC = "user_erased"
    LABEL = "erased a user"
    erased_by: UserId
    member_id: UserId

    @property
    def actor(self) -> UserId:
        return self.erased_by

    @property
    def person(self) -> UserId | None:
        return self.member_id


class Erasures(RoomState):
    """What is erased in the room."""

    def tell_user_erased(self, *, member_id: UserId, erased_by: UserId) -> None:
        """Record that the account of `member_id` was erased, whether or not they are still a member."""
        self.trigger_event(UserErased, erased_by=erased_by, member_id=member_id)

    def erase(self, *, versions: Sequence[int], erased_by: UserId, request: RequestId, why: str) -> None:
        """Erase the words of these versions, in ascending order: of a message all versions. Whether each has words, and
        nothing forbids to erase them, is known to the caller.

        Raises NothingToErase for a version that is not in the room, and for the one that gave the room its name;
        InvalidField for a reason that is blank or over 500 characters.
        """
        check_reason(why)
        if not versions or list(versions) != sorted(set(versions)):
            raise InvalidField("versions", "Give different versions, in ascending order.")
        if not (versions[0] >= 1 and versions[-1] <= self.version):
            raise NothingToErase("The room has no such version.")
        if self.name_version in versions:
            raise NothingToErase(f"Version {self.name_version} is the room's name now: rename the room first.")
        self.trigger_event(
            ContentErased, erased_by=erased_by, versions=list(versions), request=str(request), why=why.strip()
        )
