"""Plain messages of the log as clients see them, straight from their rows: most of what a feed tells.

A plain message has no mentions and no files, and is neither erased nor retracted, so that its row, the words and the
name of its author are all that it shows. Every other row is an event to be decoded, checked and told by `Bodies`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import asyncpg
import msgspec
from msgspec import UNSET, Struct, field

from domain.room import Room
from domain.values import RoomId, UserId
from eventstore.log import COLUMNS, TABLE
from eventstore.values import Version
from eventstore.words import TABLE as WORDS
from eventstore.words import join
from projections.readmodels.shapes import Message, MessageRoom, StreamEvent, Timestamp, User, timestamp

TOLD = f"""
    {", ".join(f"{TABLE}.{column}" for column in COLUMNS)},
    {WORDS}.content, {WORDS}.client_id, retractions.message IS NOT NULL AS is_retracted
"""
"""SQL: the columns of an event that is told to clients, for `read`, and for `Log.decode_with_words`."""

WITH_WORDS = f"""
{join("originator_id", "originator_version")}
LEFT JOIN retractions ON retractions.room_id = originator_id AND retractions.message = originator_version
"""
"""SQL: what these columns need beside the log."""


class StoredMoment(Struct):
    """A time in the log, as the library writes it."""

    kind: Literal["datetime_iso"] = field(name="_type_")
    text: str = field(name="_data_")

    @property
    def shown(self) -> Timestamp:
        """The time as clients see it. Raises ValueError."""
        moment = datetime.fromisoformat(self.text)
        is_as_shown = len(self.text) == 32 and self.text.endswith("+00:00")
        return f"{self.text[:26]}Z" if is_as_shown else timestamp(moment)


class PlainState(Struct):
    """The state of a sealed message that mentions nobody and has no files."""

    timestamp: StoredMoment
    user_id: UserId
    sealed: str
    class_version: Literal[2, 3]
    reply_to: int | None = None
    mentions: None = None
    attachments: None = None
    content: None = None
    client_id: None = None


_decode = msgspec.json.Decoder(PlainState).decode


class PlainMessage(Struct):
    """A plain message of the log."""

    row: asyncpg.Record
    author: UserId
    said_at: Timestamp
    reply_to: int | None

    def told(self, users: Mapping[UserId, User]) -> StreamEvent:
        """The event with its body; `users` has the author."""
        row, said_at = self.row, self.said_at
        room_id, version = RoomId(row["originator_id"]), Version(row["originator_version"])
        message = Message(
            version,
            row["content"],
            users[self.author],
            MessageRoom(room_id, version, said_at),
            said_at,
            reply_to=Version(self.reply_to) if self.reply_to is not None else UNSET,
        )
        return StreamEvent(version, row["notification_id"], Room.MessageAdded.TOPIC, message, said_at, row["client_id"])


def read(row: asyncpg.Record) -> PlainMessage | None:
    """The message, from a row with the columns `TOLD`; None where the row is anything else."""
    if row["topic"] != Room.MessageAdded.TOPIC or row["content"] is None or row["is_retracted"]:
        return None
    try:
        state = _decode(row["state"])
        return PlainMessage(row, state.user_id, state.timestamp.shown, state.reply_to)
    except ValueError:  # of msgspec, too
        return None
