"""Messages in queries: what they say now or said at a version, and what was done about them.

A query has a row of `messages` under an alias, with its room. `at` is an expression for a version of the room; without
one, the message is as it is now. A retraction hides a message at every version: also the past is shown without it.
"""

from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import UNSET, UnsetType

from domain.values import RoomId
from eventstore.words import join
from projections.readmodels.shapes import (
    MOST_NAMED,
    Attachment,
    ErasedContent,
    Message,
    MessageRoom,
    Pin,
    Reaction,
    Retraction,
    User,
    mentioned,
    timestamp,
    user,
)
from projections.readmodels.words import erasure, erasure_columns, words_of


def text(message: str, at: str | None = None) -> str:
    """SQL: joins what a message says, and whether that was erased or retracted."""
    edit = f"{message}.edited_version" if at is None else f"{message}_edit.version"
    newest = f"coalesce({edit}, {message}.version)"
    return f"""
{_edit_at(message, at) if at is not None else _edit(message)}
{join(f"{message}.room_id", newest, f"{message}_words")}
{erasure(f"{message}.room_id", newest, f"{message}_erasure")}
{retraction(f"{message}.room_id", f"{message}.version", f"{message}_retraction")}
"""


def _edit(message: str) -> str:
    """SQL: joins the newest edit."""
    return f"""
LEFT JOIN edits AS {message}_edit
    ON {message}_edit.room_id = {message}.room_id AND {message}_edit.message = {message}.version
        AND {message}_edit.version = {message}.edited_version
"""


def _edit_at(message: str, at: str) -> str:
    """SQL: joins the newest edit at a version."""
    return f"""
LEFT JOIN LATERAL (
    SELECT version, content, edited_at FROM edits
    WHERE edits.room_id = {message}.room_id AND edits.message = {message}.version AND edits.version <= {at}
    ORDER BY version DESC LIMIT 1
) AS {message}_edit ON true
"""


def text_columns(message: str, prefix: str = "", *, beginning: int | None = None) -> str:
    """SQL: the columns of `text`, for `words_shown` and `retraction_of`. Of the words, all or so many characters."""
    content = f"""coalesce(
        {message}_words.content,
        CASE WHEN {message}_edit.version IS NULL THEN {message}.content ELSE {message}_edit.content END
    )"""
    return f"""
    {content if beginning is None else f"left({content}, {beginning})"} AS {prefix}content,
    {erasure_columns(prefix, f"{message}_erasure")}, {retraction_columns(f"{message}_retraction", prefix)}
"""


def retraction(room: str, message: str, alias: str = "retraction") -> str:
    """SQL: joins the retraction of a message, given by expressions for it and its room."""
    return f"""
LEFT JOIN retractions AS {alias} ON {alias}.room_id = {room} AND {alias}.message = {message}
{join(f"{alias}.room_id", f"{alias}.version", f"{alias}_why")}
LEFT JOIN users AS {alias}_user ON {alias}_user.user_id = {alias}.retracted_by
"""


def retraction_columns(alias: str = "retraction", prefix: str = "") -> str:
    """SQL: the columns of a `retraction`."""
    return f"""
    {alias}.retracted_at AS {prefix}retracted_at, {alias}.retracted_by AS {prefix}retracted_by,
    {alias}_user.username AS {prefix}retracted_by_name, {alias}_user.kind AS {prefix}retracted_by_kind,
    coalesce({alias}_why.content, {alias}.why, '') AS {prefix}retracted_why
"""


def extras(message: str, at: str | None = None) -> str:
    """SQL: joins the reactions to a message, and its pin."""
    has_reacted, is_pinned = "removed_version IS NULL", "unpinned_version IS NULL"
    if at is not None:
        has_reacted = f"added_version <= {at} AND coalesce(removed_version > {at}, true)"
        is_pinned = f"pinned_version <= {at} AND coalesce(unpinned_version > {at}, true)"
    return f"""
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_array(
        emoji, given, (
            SELECT json_agg(json_build_array(named.user_id, users.username, users.kind) ORDER BY place)
            FROM unnest(first_users) WITH ORDINALITY AS named (user_id, place)
            LEFT JOIN users ON users.user_id = named.user_id)
        ) ORDER BY first_version)::text AS reactions
    FROM (
        SELECT
            emoji, count(*) AS given, min(added_version) AS first_version,
            (array_agg(user_id ORDER BY added_version))[:{MOST_NAMED}] AS first_users
        FROM reactions
        WHERE reactions.room_id = {message}.room_id AND reactions.message = {message}.version AND {has_reacted}
        GROUP BY emoji
    ) AS by_emoji
) AS {message}_reacted ON true
LEFT JOIN pins AS {message}_pin
    ON {message}_pin.room_id = {message}.room_id AND {message}_pin.message = {message}.version AND {is_pinned}
LEFT JOIN users AS {message}_pinner ON {message}_pinner.user_id = {message}_pin.pinned_by
"""


def mentions(message: str, at: str | None = None) -> str:
    """SQL: whom a message mentions, as JSON; null where it mentions none."""
    is_named = f" AND each.named_version <= {at}" if at is not None else ""
    return f"""(
        SELECT json_agg(json_build_array(each.user_id, named.username, named.kind) ORDER BY each.user_id)::text
        FROM mentions AS each LEFT JOIN users AS named ON named.user_id = each.user_id
        WHERE each.room_id = {message}.room_id AND each.version = {message}.version{is_named}
    )"""


def attachments(message: str) -> str:
    """SQL: the files that a message names, as JSON; null where it names none."""
    return f"""(
        SELECT json_agg(json_build_array(
            each.upload_id, coalesce(file.name, ''), each.size, each.media_type, each.sha256, each.width, each.height
        ) ORDER BY each.place)::text
        FROM attachments AS each LEFT JOIN uploads AS file ON file.upload_id = each.upload_id
        WHERE each.room_id = {message}.room_id AND each.version = {message}.version
    )"""


def message_columns(message: str, at: str | None = None) -> str:
    """SQL: the columns of a message, of `text` and of `extras`, for `message_of`. The author's row is `users`."""
    return f"""
    {message}.version, {message}.posted_at, {message}.user_id, users.username, users.kind, {message}.reply_to,
    {message}_edit.edited_at, {message}_reacted.reactions, {message}_pin.pinned_at, {message}_pin.pinned_by,
    {mentions(message, at)} AS mentions, {attachments(message)} AS attachments,
    {message}_pinner.username AS pinned_by_name, {message}_pinner.kind AS pinned_by_kind, {text_columns(message)}
"""


STORED = "room_id, version, user_id, content, posted_at, reply_to, edited_version"
"""The columns of `messages` that these expressions need."""


def message_of(room_id: RoomId, row: asyncpg.Record) -> Message:
    """A message from a row with `message_columns`."""
    said_at = timestamp(row["posted_at"])
    content, erased, retracted = words_shown(row)
    is_shown = retracted is UNSET
    return Message(
        row["version"],
        content,
        user(row["user_id"], row["username"], row["kind"]),
        MessageRoom(room_id, row["version"], said_at),
        said_at,
        erased,
        retracted,
        row["reply_to"] if row["reply_to"] is not None else UNSET,
        timestamp(row["edited_at"]) if row["edited_at"] is not None else UNSET,
        reactions_of(row["reactions"]) if row["reactions"] is not None and is_shown else UNSET,
        pin_of(row) if row["pinned_at"] is not None and is_shown else UNSET,
        mentions_of(row["mentions"]) if row["mentions"] is not None else UNSET,
        attachments_of(row["attachments"])
        if row["attachments"] is not None and is_shown and erased is UNSET
        else UNSET,
    )


def words_shown(row: asyncpg.Record, prefix: str = "") -> tuple[str, ErasedContent | UnsetType, Retraction | UnsetType]:
    """What is shown of the words of a row with `text_columns`, and why not all."""
    content, erased = words_of(row, prefix)
    retracted = retraction_of(row, prefix)
    return content if retracted is UNSET else "", erased, retracted


def retraction_of(row: asyncpg.Record, prefix: str = "") -> Retraction | UnsetType:
    """The retraction in a row with its columns."""
    at = row[f"{prefix}retracted_at"]
    if at is None:
        return UNSET
    by = user(row[f"{prefix}retracted_by"], row[f"{prefix}retracted_by_name"], row[f"{prefix}retracted_by_kind"])
    return Retraction(timestamp(at), by, row[f"{prefix}retracted_why"])


def pin_of(row: asyncpg.Record) -> Pin:
    """The pin in a row with `message_columns`."""
    return Pin(timestamp(row["pinned_at"]), user(row["pinned_by"], row["pinned_by_name"], row["pinned_by_kind"]))


def reactions_of(counted: str) -> list[Reaction]:
    """The reactions in a row with `message_columns`: JSON."""
    found: list[Any] = msgspec.json.decode(counted)
    return [Reaction(emoji, count, [user(*each) for each in users]) for emoji, count, users in found]


def mentions_of(listed: str) -> list[User]:
    """The mentions in a row with `message_columns`: JSON."""
    return [mentioned(*each) for each in msgspec.json.decode(listed)]


def attachments_of(listed: str) -> list[Attachment]:
    """The files in a row with `message_columns`: JSON."""
    return [attachment(*each) for each in msgspec.json.decode(listed)]


def attachment(
    upload_id: str, name: str, size: int, media_type: str, sha256: str, width: int | None, height: int | None
) -> Attachment:
    """A file; one that is no image has no sides."""
    sides = (width, height) if width is not None and height is not None else (UNSET, UNSET)
    return Attachment(UUID(upload_id), name, size, media_type, sha256, *sides)
