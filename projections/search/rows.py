"""What the index keeps of an event: its words as tokens, and tokens for conditions, which begin with a colon."""

from typing import NamedTuple

from domain.room.discussion.editing import MessageEdited
from domain.room.messages import MessageAdded
from domain.values import RoomId, UserId
from domain.words import Erased, Plain
from eventstore.log import Recorded
from eventstore.values import Position, Version
from projections.readmodels.inline import LogEvent
from projections.search import spans
from projections.search.query import FILE, LINK, quoted
from projections.search.tokens import pair, tokens

MOST_POSITIONS = 16_000
"""Of one text, as PostgreSQL keeps them."""

MOST_PLACES = 250
"""Of one token in a text."""


class IndexRow(NamedTuple):
    """The columns of the table."""

    room_id: RoomId
    version: Version
    message: Version
    position: Position
    event: Position
    body: Version | None
    tokens: str


def has_words(event: LogEvent) -> bool:
    """Whether an event is searched: it has words, which are not erased. Those of a message of files alone are empty."""
    return event.words is not None and not isinstance(event.words, Erased)


def row(recorded: Recorded[LogEvent], position: Position, *, has_files: bool) -> IndexRow:
    """Of an event with words. `position` is that of the message; of any other event, its own. `has_files`: of a
    message that is edited.
    """
    event = recorded.event
    room_id, message = message_of(event)
    body = None if isinstance(event.words, Plain) else recorded.version
    places = spans.tokens_of(position, recorded.position)
    indexed = vector(event.text or "", [*conditions(event, has_files=has_files), *places])
    return IndexRow(room_id, recorded.version, message, position, recorded.position, body, indexed)


def message_of(event: LogEvent) -> tuple[RoomId, Version]:
    """The stream and version of the message whose words an event has; of any other event, its own."""
    version = event.message if isinstance(event, MessageEdited) else event.originator_version
    return RoomId(event.originator_id), Version(version)


def vector(text: str, more: list[str]) -> str:
    """What is indexed, in PostgreSQL's notation. `more` are the tokens that are not words."""
    places: dict[str, list[str]] = {}
    typed = tokens(text)[:MOST_POSITIONS]
    for place, token in enumerate(typed, start=1):
        if (at := places.get(token)) is None:
            places[token] = [str(place)]
        elif len(at) < MOST_PLACES:
            at.append(str(place))
    pairs = {both: None for both in map(pair, typed, typed[1:]) if both is not None}
    words = [f"{quoted(token)}:{','.join(at)}" for token, at in places.items()]
    return " ".join([*words, *map(quoted, pairs), *map(quoted, more)])


def conditions(event: LogEvent, *, has_files: bool) -> list[str]:
    """The tokens by which an event is found without its words. `has_files`: of a message that is edited."""
    text = event.text or ""
    link = [having(LINK)] if "http://" in text or "https://" in text else []
    file = [having(FILE)] if has_files or (isinstance(event, MessageAdded) and event.attachments) else []
    return [by(event.actor), within(RoomId(event.originator_id)), *link, *file]


def by(user_id: UserId) -> str:
    """The token of what a user said or did."""
    return f":by:{user_id}"


def within(room_id: RoomId) -> str:
    """The token of what was said or done in a room."""
    return f":in:{room_id.hex}"


def having(what: str) -> str:
    """The token of texts with a link, and of messages with a file."""
    return f":has:{what}"
