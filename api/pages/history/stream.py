"""The events of a room that the history page shows: those around one, or those that a filter lets through."""

from typing import Literal

from msgspec import UNSET, Struct, to_builtins

from domain.values import RoomId, UserId
from eventstore.values import Version
from projections.readmodels.queries import Queries
from projections.readmodels.shapes import MemberChange, Message, MessageChange, StreamEvent

AROUND = 25
"""Events shown on either side of the chosen one."""

SCANNED = 1000
"""Events that a filter looks at, from the chosen one backwards."""

FOUND = 100
"""Events that it shows at most."""

Kind = Literal["messages", "reactions", "people", "room"]
KIND_NAMES: dict[str, str] = {
    "messages": "what was said",
    "reactions": "reactions and pins",
    "people": "people and roles",
    "room": "the room itself",
}
REACTIONS = {"reaction_added", "reaction_removed", "message_pinned", "message_unpinned"}
PEOPLE = ("user_", "role_", "ban_", "mute_", "invitation_")


class StreamFilter(Struct, frozen=True):
    """Whose events, of which kind and with which words; empty for all."""

    person: str = ""
    kind: str = ""
    words: str = ""

    def __bool__(self) -> bool:
        return bool(self.person or self.kind or self.words)

    def lets_through(self, event: StreamEvent) -> bool:
        """Whether the page shows `event`."""
        return (
            self.kind in ("", kind_of(event.type))
            and self.person.casefold() in " ".join(_people_of(event)).casefold()
            and self.words.casefold() in words_of(event).casefold()
        )


class ShownEvents(Struct, frozen=True):
    """Events, ascending, and from which version on the filter looked further back; None at the beginning."""

    events: list[StreamEvent]
    continues_at: Version | None = None


def kind_of(topic: str) -> Kind:
    """What an event of this type is about."""
    if topic in REACTIONS:
        return "reactions"
    if topic.startswith("message_") or topic == "content_erased":
        return "messages"
    return "people" if topic.startswith(PEOPLE) else "room"


def _people_of(event: StreamEvent) -> list[str]:
    """Who did it, and whom it concerns."""
    body = to_builtins(event.body)
    return [body[part]["username"] for part in ("user", "member", "invitee", "removed_by") if body.get(part)]


def said_by(event: StreamEvent) -> Version | None:
    """The message that got its words by this event; None where none did, or it is not for the reader."""
    body = event.body
    if isinstance(body, Message):
        return body.id
    if isinstance(body, MessageChange) and event.type == "message_edited" and body.message is not None:
        return body.message.id
    return None


def words_of(event: StreamEvent) -> str:
    """What people typed into an event; empty where it was erased or retracted."""
    body = event.body
    if isinstance(body, Message):
        return body.content
    if isinstance(body, MessageChange):
        return body.message.content if event.type == "message_edited" and body.message is not None else ""
    if isinstance(body, MemberChange):
        return body.why
    why = getattr(body, "why", UNSET)
    topic = getattr(body.room, "topic", UNSET) if event.type == "topic_set" else UNSET
    return " ".join(text for text in (why, topic) if isinstance(text, str))


async def stream_around(queries: Queries, user_id: UserId, room_id: RoomId, version: Version) -> ShownEvents:
    """The events around a version."""
    after = Version(max(0, version - AROUND - 1))
    found = await queries.events(user_id, room_id, after=after, limit=2 * AROUND + 1)
    return ShownEvents(found.value.events)


async def stream_filtered(
    queries: Queries, user_id: UserId, room_id: RoomId, version: Version, shown: StreamFilter
) -> ShownEvents:
    """The newest events up to a version that `shown` lets through."""
    after = Version(max(0, version - SCANNED))
    found = await queries.events(user_id, room_id, after=after, limit=SCANNED)
    matching = [event for event in found.value.events if event.version <= version and shown.lets_through(event)]
    events = matching[-FOUND:]
    if len(matching) > FOUND:
        return ShownEvents(events, Version(events[0].version - 1))
    return ShownEvents(events, after if after > 0 else None)
