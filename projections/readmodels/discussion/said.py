"""What is left of what events said: words may be erased and messages retracted after an event was read or recorded."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Self

import asyncpg
from msgspec import UNSET

from domain.room import Room, RoomEvent
from domain.values import RoomId, UserId
from domain.words import Present
from eventstore.values import Version
from eventstore.words import join, without_words
from postgres.calls import unseen
from postgres.database import Database
from projections.readmodels.discussion.message_rows import retraction, retraction_columns, retraction_of
from projections.readmodels.shapes import Retraction, User, user

RoomVersion = tuple[RoomId, Version]

SAID = f"""
SELECT
    asked.room_id, asked.version, said.stream IS NOT NULL AS has_words,
    asked.actor, users.username, users.kind, {retraction_columns()}
FROM unnest(
    {unseen("$1::uuid[]")}, {unseen("$2::bigint[]")}, {unseen("$3::bigint[]")}
) AS asked (room_id, version, actor)
{join("asked.room_id", "asked.version", "said")}
{retraction("asked.room_id", "asked.version")}
LEFT JOIN users ON users.user_id = asked.actor
"""


def room_version(event: RoomEvent) -> RoomVersion:
    """The place of an event: its room, and its version there."""
    return RoomId(event.originator_id), Version(event.originator_version)


@dataclass(frozen=True, slots=True)
class Said:
    """The words of events that are gone, the messages that were retracted, and who said it all."""

    gone: Set[RoomVersion] = frozenset()
    retractions: Mapping[RoomVersion, Retraction] = field(default_factory=dict)
    users: Mapping[UserId, User] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Sequence[asyncpg.Record]) -> Self:
        """From rows of SAID."""
        retracted = {(row["room_id"], row["version"]): retraction_of(row) for row in rows}
        return cls(
            {(row["room_id"], row["version"]) for row in rows if not row["has_words"]},
            {place: retraction for place, retraction in retracted.items() if retraction is not UNSET},
            {row["actor"]: user(row["actor"], row["username"], row["kind"]) for row in rows},
        )

    def left_of(self, event: RoomEvent) -> RoomEvent:
        """The event, without words that were erased."""
        is_gone = isinstance(event.words, Present) and room_version(event) in self.gone
        return without_words(event) if is_gone else event


async def read_said(events: Sequence[RoomEvent], database: Database) -> Said:
    """What is left of what these events said, in one query; none where they said nothing."""
    asked = [event for event in events if isinstance(event, Room.MessageAdded) or event.words is not None]
    if not asked:
        return Said()
    rows = await database.fetch(
        SAID,
        [event.originator_id for event in asked],
        [event.originator_version for event in asked],
        [event.actor for event in asked],
    )
    return Said.of(rows)
