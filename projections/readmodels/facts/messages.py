"""What decisions about messages are told: the answers to `WhatWasSaid` and `WhichVersions`."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg

from domain.questions import SaidMessage, WhatWasSaid, WhichVersions
from domain.room import Room
from domain.room.discussion.message import MessageEvent
from domain.values import RoomId, UserId
from eventstore.inline_projection import Facts
from eventstore.words import join
from projections.readmodels.words import shown

# An emoji of several users is counted as often; what the users who ask reacted with is listed apart.
SAID = f"""
SELECT
    asked.room_id, asked.message, said.user_id, said.posted_at,
    {shown("apart", "coalesce(edit.content, CASE WHEN edit.version IS NULL THEN said.content END)")} AS content,
    (SELECT count(*) FROM edits WHERE edits.room_id = asked.room_id AND edits.message = asked.message) AS edit_count,
    EXISTS (
        SELECT FROM retractions WHERE retractions.room_id = asked.room_id AND retractions.message = asked.message
    ) AS is_retracted,
    EXISTS (
        SELECT FROM pins
        WHERE pins.room_id = asked.room_id AND pins.message = asked.message AND unpinned_version IS NULL
    ) AS is_pinned,
    (SELECT count(*) FROM pins WHERE pins.room_id = asked.room_id AND unpinned_version IS NULL) AS pin_count,
    ARRAY(
        SELECT emoji FROM reactions
        WHERE reactions.room_id = asked.room_id AND reactions.message = asked.message AND removed_version IS NULL
    ) AS emoji,
    ARRAY(
        SELECT user_id || ' ' || emoji FROM reactions
        WHERE reactions.room_id = asked.room_id AND reactions.message = asked.message AND removed_version IS NULL
            AND reactions.user_id = ANY($3)
    ) AS own_emoji,
    ARRAY(
        SELECT user_id FROM mentions WHERE mentions.room_id = asked.room_id AND mentions.version = asked.message
    ) AS mentions,
    EXISTS (
        SELECT FROM attachments WHERE attachments.room_id = asked.room_id AND attachments.version = asked.message
    ) AS has_files
FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::bigint[]) AS each (room_id, message)) AS asked
JOIN messages AS said ON said.room_id = asked.room_id AND said.version = asked.message
LEFT JOIN LATERAL (
    SELECT version, content FROM edits
    WHERE edits.room_id = asked.room_id AND edits.message = asked.message ORDER BY version DESC LIMIT 1
) AS edit ON true
{join("asked.room_id", "coalesce(edit.version, said.version)", "apart")}
"""

STAYS = """
SELECT stay.room_id, stay.user_id, stay.reads_from, stay.left_version
FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::bigint[]) AS each (room_id, user_id)) AS asked
JOIN memberships AS stay USING (room_id, user_id)
"""

# Of each message that the versions added or edited, all versions whose words are not in the log itself.
VERSIONS = """
SELECT of.room_id, of.message, ARRAY(
    SELECT version FROM messages WHERE messages.room_id = of.room_id AND version = of.message AND content IS NULL
    UNION ALL
    SELECT version FROM edits WHERE edits.room_id = of.room_id AND edits.message = of.message AND content IS NULL
) AS versions
FROM (
    SELECT DISTINCT asked.room_id, coalesce(edits.message, asked.version) AS message
    FROM unnest($1::uuid[], $2::bigint[]) AS asked (room_id, version)
    LEFT JOIN edits ON edits.room_id = asked.room_id AND edits.version = asked.version
) AS of
"""

Place = tuple[RoomId, int]
"""A room, and a version of it."""

Person = tuple[RoomId, int]
"""A room, and a user of it."""


@dataclass(slots=True)
class _Message:
    """A message as of the last event of the batch."""

    author: UserId
    posted_at: datetime
    content: str | None
    edit_count: int = 0
    is_retracted: bool = False
    is_pinned: bool = False
    emoji: Counter[str] = field(default_factory=Counter)
    own_emoji: set[tuple[UserId, str]] = field(default_factory=set)
    """Of the users who ask."""
    mentions: set[UserId] = field(default_factory=set)
    has_files: bool = False


class MessageFacts:
    """The messages that were asked for. One that the batch itself adds, before a question about it, is among them.

    For a member who may not read a message, there is none.
    """

    def __init__(
        self,
        asked: set[Place],
        messages: dict[Place, _Message],
        pin_counts: dict[RoomId, int],
        stays: dict[Person, list[tuple[int, int | None]]],
    ) -> None:
        self._stays = stays
        """Of those who ask, from which version each reads, and when it ended."""
        self._asked = asked
        self._messages = messages
        self._pin_counts = pin_counts

    @classmethod
    async def read(cls, questions: Sequence[WhatWasSaid], connection: asyncpg.Connection) -> Facts:
        """Read what is said of them."""
        rooms = [question.room_id for question in questions]
        numbers = [question.message for question in questions]
        users = list({question.user_id for question in questions})
        messages: dict[Place, _Message] = {}
        pin_counts: dict[RoomId, int] = dict.fromkeys(rooms, 0)
        for row in await connection.fetch(SAID, rooms, numbers, users):
            own = (each.partition(" ") for each in row["own_emoji"])
            messages[row["room_id"], row["message"]] = _Message(
                author=row["user_id"],
                posted_at=row["posted_at"],
                content=row["content"],
                edit_count=row["edit_count"],
                is_retracted=row["is_retracted"],
                is_pinned=row["is_pinned"],
                emoji=Counter(row["emoji"]),
                own_emoji={(UserId(int(user_id)), emoji) for user_id, _, emoji in own},
                mentions=set(row["mentions"]),
                has_files=row["has_files"],
            )
            pin_counts[row["room_id"]] = row["pin_count"]
        stays: dict[Person, list[tuple[int, int | None]]] = {}
        for row in await connection.fetch(STAYS, rooms, [question.user_id for question in questions]):
            stays.setdefault((row["room_id"], row["user_id"]), []).append((row["reads_from"], row["left_version"]))
        return cls(set(zip(rooms, numbers, strict=True)), messages, pin_counts, stays)

    def answer(self, question: WhatWasSaid) -> SaidMessage | None:
        """A message as it is now; None where there is none."""
        message = self._messages.get((question.room_id, question.message))
        stays = self._stays.get((question.room_id, question.user_id), ())
        may_read = any(
            since <= question.message and (until is None or question.message <= until) for since, until in stays
        )
        if message is None or not may_read:
            return None
        return SaidMessage(
            message=question.message,
            author=message.author,
            posted_at=message.posted_at,
            content=message.content,
            edit_count=message.edit_count,
            is_retracted=message.is_retracted,
            is_pinned=message.is_pinned,
            pin_count=self._pin_counts[question.room_id],
            emoji=frozenset(+message.emoji),
            own_emoji=frozenset(emoji for user_id, emoji in message.own_emoji if user_id == question.user_id),
            mentions=frozenset(message.mentions),
            has_files=message.has_files,
        )

    def add(self, event: Any) -> None:
        """Take in what a command of the batch did to a message, and who joined."""
        room_id = event.originator_id
        if isinstance(event, Room.UserJoined):
            self._stays.setdefault((room_id, event.user_id), []).append((event.reads_from, None))
        if isinstance(event, Room.MessageAdded) and (place := (room_id, event.originator_version)) in self._asked:
            mentions = {UserId(each) for each in event.mentions or ()}
            self._messages[place] = _Message(
                event.user_id,
                event.timestamp,
                event.content,
                mentions=mentions,
                has_files=bool(event.attachments),
            )
        elif isinstance(event, Room.ContentErased):
            for version in event.versions:
                if (erased := self._messages.get((room_id, version))) is not None:
                    erased.content = None
        elif isinstance(event, MessageEvent) and (message := self._messages.get((room_id, event.message))) is not None:
            self._change(message, room_id, event)

    def _change(self, message: _Message, room_id: RoomId, event: MessageEvent) -> None:
        match event:
            case Room.MessageEdited():
                message.content, message.edit_count = event.content, message.edit_count + 1
                message.mentions.update(UserId(each) for each in event.mentions or ())
            case Room.MessageRetracted():
                self._pin(message, room_id, is_pinned=False)
                message.is_retracted = True
            case Room.ReactionAdded():
                message.emoji[event.emoji] += 1
                message.own_emoji.add((event.user_id, event.emoji))
            case Room.ReactionRemoved():
                message.emoji[event.emoji] -= 1
                message.own_emoji.discard((event.user_id, event.emoji))
            case Room.MessagePinned():
                self._pin(message, room_id, is_pinned=True)
            case Room.MessageUnpinned():
                self._pin(message, room_id, is_pinned=False)

    def _pin(self, message: _Message, room_id: RoomId, *, is_pinned: bool) -> None:
        self._pin_counts[room_id] += is_pinned - message.is_pinned
        message.is_pinned = is_pinned


class VersionFacts:
    """The versions of the messages that were asked for. What is no message stands for itself."""

    def __init__(self, versions: dict[Place, list[int]]) -> None:
        self._versions = versions
        """Of each message, by the version that added it."""
        self._messages = {(room_id, each): message for (room_id, message), all_ in versions.items() for each in all_}
        """By each of its versions."""

    @classmethod
    async def read(cls, questions: Sequence[WhichVersions], connection: asyncpg.Connection) -> Facts:
        """Read their edits."""
        asked = [(question.room_id, version) for question in questions for version in question.versions]
        rows = await connection.fetch(VERSIONS, [room_id for room_id, _ in asked], [version for _, version in asked])
        return cls({(row["room_id"], row["message"]): row["versions"] for row in rows})

    def answer(self, question: WhichVersions) -> Sequence[int]:
        """All versions, ascending."""
        found: set[int] = set()
        for version in question.versions:
            message = self._messages.get((question.room_id, version), version)
            found.update((version,), self._versions[question.room_id, message])
        return sorted(found)

    def add(self, event: Any) -> None:
        """A message that was asked for may be edited before."""
        room_id = RoomId(event.originator_id)
        if isinstance(event, Room.MessageEdited) and (room_id, event.message) in self._versions:
            self._versions[room_id, event.message].append(event.originator_version)
            self._messages[room_id, event.originator_version] = event.message
