"""What changed in a room from one version to another."""

import asyncio
import re
from difflib import SequenceMatcher

from msgspec import UNSET, Struct

from api.core import Core
from domain.values import RoomId, UserId
from eventstore.values import Version
from projections.readmodels.members import JoinOrLeave
from projections.readmodels.queries import Queries
from projections.readmodels.shapes import MessageChange, RoomSummary, StreamEvent, User

MOST_EVENTS = 1000
"""Events between two versions that are compared; of more, the oldest."""

MOST_EDITED = 50
"""Edited messages whose words are compared."""

WORDS = re.compile(r"\s+|\w+|[^\w\s]")


class ChangedField(Struct, frozen=True):
    """What the room said of itself before and after."""

    name: str
    before: str
    after: str


class TextPiece(Struct, frozen=True):
    """A part of a text: kept, or only in the one before or after."""

    text: str
    change: str


class EditedMessage(Struct, frozen=True):
    """A message whose words changed."""

    id: Version
    user: User
    pieces: list[TextPiece]


class MomentsDifference(Struct, frozen=True):
    """What changed after `since`, up to `until`. `events` is how many there are by type; `is_all` unless there are more
    than are compared.
    """

    since: Version
    until: Version
    fields: list[ChangedField]
    joined: list[User]
    left: list[User]
    events: dict[str, int]
    edited: list[EditedMessage]
    is_all: bool


async def difference(core: Core, user_id: UserId, room_id: RoomId, since: Version, until: Version) -> MomentsDifference:
    """Of a room that the user may read at both versions."""
    before, after, steps, found = await asyncio.gather(
        core.bodies.room_at(room_id, since),
        core.bodies.room_at(room_id, until),
        core.members.joins_and_leaves(user_id, room_id, since=Version(since + 1), until=until, limit=MOST_EVENTS),
        core.queries.events(user_id, room_id, after=since, limit=MOST_EVENTS),
    )
    events = [event for event in found.value.events if event.version <= until]
    last = {step.user.id: step for step in steps}  # who came and went is where they were
    first = {step.user.id: step for step in reversed(steps)}
    net = [step for user, step in last.items() if _is_join(first[user]) == _is_join(step)]
    return MomentsDifference(
        since,
        until,
        _fields(before, after),
        [step.user for step in net if _is_join(step)],
        [step.user for step in net if not _is_join(step)],
        _counted(events),
        await _edited(core.queries, user_id, room_id, since, events),
        len(found.value.events) < MOST_EVENTS or found.value.events[-1].version >= until,
    )


def _is_join(step: JoinOrLeave) -> bool:
    return step.step == "joined"


def _fields(before: RoomSummary, after: RoomSummary) -> list[ChangedField]:
    told = [
        ("Name", before.name, after.name),
        ("Topic", before.topic or "", after.topic or ""),
        ("Who may enter", before.visibility, after.visibility),
        ("Joiners read", before.history.replace("_", " "), after.history.replace("_", " ")),
        ("State", _state(before), _state(after)),
        ("Members", str(before.member_count), str(after.member_count)),
    ]
    return [ChangedField(*each) for each in told if each[1] != each[2]]


def _state(room: RoomSummary) -> str:
    return "archived" if room.is_archived is True else "open"


def _counted(events: list[StreamEvent]) -> dict[str, int]:
    types = [event.type for event in events]
    return {each: types.count(each) for each in sorted(set(types))}


async def _edited(
    queries: Queries, user_id: UserId, room_id: RoomId, since: Version, events: list[StreamEvent]
) -> list[EditedMessage]:
    """Messages from before `since` with other words afterwards, as far as they are shown."""
    newest = {
        event.body.message.id: event.body.message
        for event in events
        if event.type == "message_edited" and isinstance(event.body, MessageChange) and event.body.message is not None
    }
    ids = [message for message in newest if message <= since][:MOST_EDITED]
    told = []
    for message in ids:
        at_once = await queries.messages_before(user_id, room_id, before=Version(message + 1), limit=1, at=since)
        before, after = at_once.value.results[0], newest[message]
        if before.erased is UNSET and after.erased is UNSET and after.retracted is UNSET:
            told.append(EditedMessage(message, after.user, compared(before.content, after.content)))
    return told


def compared(before: str, after: str) -> list[TextPiece]:
    """Two texts as one, word by word."""
    old, new = WORDS.findall(before), WORDS.findall(after)
    pieces = []
    for change, old_from, old_to, new_from, new_to in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if change == "equal":
            pieces.append(TextPiece("".join(old[old_from:old_to]), "kept"))
            continue
        if old_to > old_from:
            pieces.append(TextPiece("".join(old[old_from:old_to]), "before"))
        if new_to > new_from:
            pieces.append(TextPiece("".join(new[new_from:new_to]), "after"))
    return pieces
