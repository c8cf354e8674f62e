"""Single messages, their versions, and those that are pinned. Each query is one statement, and says its position."""

from collections.abc import Sequence

import asyncpg
from msgspec import UNSET, Struct, UnsetType

from domain.errors import NoSuchMessage
from domain.values import RoomId, UserId
from eventstore.log import TABLE as LOG
from eventstore.values import Position, Version
from eventstore.words import join
from postgres.database import Database
from projections.readmodels.admission.readable import may_read
from projections.readmodels.discussion.message_rows import STORED, message_columns, message_of
from projections.readmodels.governance.roles import RoomRoles
from projections.readmodels.queries import MEMBER_HEAD, AtPosition, NotInRoom, of_message
from projections.readmodels.shapes import ErasedContent, Message, Timestamp, timestamp
from projections.readmodels.words import erasure, erasure_columns, words_of

ONE = f"""
SELECT head.position, head.room_id AS of_room, {message_columns("message")}
FROM ({MEMBER_HEAD}) AS head
LEFT JOIN LATERAL (
    SELECT {STORED} FROM messages
    WHERE messages.room_id = head.room_id AND version = $3 AND {may_read("head.room_id", "$1", "version")}
) AS message ON true
{of_message()}
"""


def several(at: str | None = None) -> str:
    """SQL: messages by their ids; as they are now, or were at a version."""
    return f"""
SELECT head.room_id AS of_room, {message_columns("message", at)}
FROM ({MEMBER_HEAD}) AS head
LEFT JOIN LATERAL (
    SELECT {STORED} FROM messages
    WHERE messages.room_id = head.room_id AND version = ANY($3) AND {may_read("head.room_id", "$1", "version")}
) AS message ON true
{of_message(at)}
ORDER BY message.version
"""


SEVERAL, SEVERAL_AT = several(), several("$4::bigint")

PINNED = f"""
SELECT head.position, head.room_id AS of_room, {message_columns("message")}
FROM ({MEMBER_HEAD}) AS head
LEFT JOIN LATERAL (
    SELECT messages.*, pinned_version FROM pins
    JOIN messages ON messages.room_id = pins.room_id AND messages.version = pins.message
    WHERE pins.room_id = head.room_id AND unpinned_version IS NULL
        AND {may_read("head.room_id", "$1", "pins.message")}
) AS message ON true
{of_message()}
ORDER BY message.pinned_version DESC
"""

VERSIONS = f"""
SELECT one.version, one.at, coalesce(apart.content, one.content) AS content, {erasure_columns()}
FROM (
    SELECT room_id, version, posted_at AS at, content FROM messages WHERE room_id = $1 AND version = $2
    UNION ALL SELECT room_id, version, edited_at, content FROM edits WHERE room_id = $1 AND message = $2
) AS one
{join("one.room_id", "one.version", "apart")}
{erasure("one.room_id", "one.version")}
ORDER BY one.version
"""


NOW = Version(2**63 - 1)
"""Beyond every version."""


class MessageVersion(Struct, frozen=True):
    """What a message said from a version of the room on. Erased words leave an empty `content`, and `erased`."""

    version: Version
    at: Timestamp
    content: str
    erased: ErasedContent | UnsetType = UNSET


class MessageVersions(Struct, frozen=True):
    """A message as it is now, and all that it said, oldest first.

    Of a retracted one, `versions` is empty but for those who may read it: its author, moderators, owners, admins.
    """

    message: Message
    versions: list[MessageVersion]


POSITIONS = f"""
SELECT originator_version AS version, notification_id AS position FROM {LOG}
WHERE originator_id = $1 AND originator_version = ANY($2)
"""


class MessageQueries:
    """What a member may read of single messages. The first argument is the user who asks. Raise NotInRoom."""

    def __init__(self, database: Database, roles: RoomRoles) -> None:
        self._database = database
        self._roles = roles

    async def one(self, user_id: UserId, room_id: RoomId, message: Version) -> AtPosition[Message]:
        """A message. Raises NoSuchMessage."""
        rows = await self._database.fetch(ONE, user_id, room_id, message)
        if rows[0]["of_room"] is None:
            raise NotInRoom
        if rows[0]["version"] is None:
            raise NoSuchMessage("There is no such message in this room.")
        return AtPosition(message_of(room_id, rows[0]), rows[0]["position"])

    async def answered_by(
        self, user_id: UserId, room_id: RoomId, messages: Sequence[Message], *, at: Version | None = None
    ) -> list[Message]:
        """The messages which these answer and which are not among them, as far as the user may read them, ascending; as
        they were at a version, or are now.
        """
        present = {message.id for message in messages}
        answered = {message.reply_to for message in messages if message.reply_to is not UNSET} - present
        if not answered:
            return []
        if at is not None:
            rows = await self._database.fetch(SEVERAL_AT, user_id, room_id, list(answered), at)
        else:
            rows = await self._database.fetch(SEVERAL, user_id, room_id, list(answered))
        if rows[0]["of_room"] is None:
            raise NotInRoom
        return [message_of(room_id, row) for row in rows if row["version"] is not None]

    async def pinned(self, user_id: UserId, room_id: RoomId) -> AtPosition[list[Message]]:
        """The pinned messages, the last pinned first."""
        rows = await self._database.fetch(PINNED, user_id, room_id)
        if rows[0]["of_room"] is None:
            raise NotInRoom
        found = [message_of(room_id, row) for row in rows if row["version"] is not None]
        return AtPosition(found, rows[0]["position"])

    async def positions(self, room_id: RoomId, messages: Sequence[Version]) -> dict[Version, Position]:
        """Where in the log messages are. The caller knows that they may be read."""
        rows = await self._database.fetch(POSITIONS, room_id, messages)
        return {Version(row["version"]): Position(row["position"]) for row in rows}

    async def versions(
        self, user_id: UserId, room_id: RoomId, message: Version, *, is_admin: bool
    ) -> AtPosition[MessageVersions]:
        """All that a message said. What was retracted is for its author, for moderators and owners, and for admins.

        Raises NoSuchMessage.
        """
        found = await self.one(user_id, room_id, message)
        is_own = found.value.user.id == user_id
        is_shown = found.value.retracted is UNSET or is_own or is_admin or await self._moderates(user_id, room_id)
        rows = await self._database.fetch(VERSIONS, room_id, message) if is_shown else []
        return AtPosition(MessageVersions(found.value, [_version(row) for row in rows]), found.position)

    async def _moderates(self, user_id: UserId, room_id: RoomId) -> bool:
        return (await self._roles.own(user_id, room_id, NOW)).role != "member"


def _version(row: asyncpg.Record) -> MessageVersion:
    content, erased = words_of(row)
    return MessageVersion(row["version"], timestamp(row["at"]), content, erased)
