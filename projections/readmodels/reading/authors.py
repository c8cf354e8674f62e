"""How many messages each member said since they joined last: unread are those of others. Source: Room events."""

from dataclasses import dataclass, field
from uuid import UUID

from domain.room import Room
from postgres.calls import Call, columns


@dataclass(slots=True)
class Author:
    """What a batch has of one member: whether they joined and spoke, and how many messages came after the join."""

    has_joined: bool = False
    has_spoken: bool = False
    messages: int = 0


@dataclass(slots=True)
class BatchAuthors:
    """Those who joined or spoke in a batch, by room and user."""

    members: dict[tuple[UUID, int], Author] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.members)

    def join(self, event: Room.UserJoined) -> None:
        """Add the next join, in log order: the count begins again."""
        author = self._member(event)
        author.has_joined, author.messages = True, 0

    def say(self, event: Room.MessageAdded) -> None:
        """Add the next message, in log order."""
        author = self._member(event)
        author.has_spoken = True
        author.messages += 1

    def _member(self, event: Room.UserJoined | Room.MessageAdded) -> Author:
        key = event.originator_id, event.user_id
        if (author := self.members.get(key)) is None:
            author = self.members[key] = Author()
        return author


def fold_authors(authors: BatchAuthors, base: Call | int) -> Call:
    """The call that counts what members said."""
    rows = [
        (room_id, user_id, author.has_joined, author.has_spoken, author.messages)
        for (room_id, user_id), author in authors.members.items()
    ]
    return Call("fold_authors", base, *columns(rows, 5))
