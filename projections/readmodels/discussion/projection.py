"""What members do about messages. Source: the events of `domain/room/discussion/`.

The rows hold no words that stand apart from the log.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from domain.room.discussion.editing import MessageEdited
from domain.room.discussion.pinning import MessagePinned, MessageUnpinned
from domain.room.discussion.reacting import ReactionAdded, ReactionRemoved
from domain.room.discussion.retracting import MessageRetracted
from domain.room.messages import MessageAdded
from postgres.calls import Call, columns

FUNCTIONS = Path(__file__).with_name("discussion_fold.sql")
"""The function that this module calls."""

DiscussionEvent = MessageEdited | MessageRetracted | ReactionAdded | ReactionRemoved | MessagePinned | MessageUnpinned


def fold_discussion(events: Sequence[DiscussionEvent], base: Call | int) -> Call:
    """The call that folds events (ascending) and returns `base`. It comes after the fold of the messages."""
    return Call("fold_discussion", base, msgspec.json.encode([_folded(event) for event in events]).decode())


def fold_mentions(events: Sequence[MessageAdded | MessageEdited], base: Call | int) -> Call:
    """The call that records whom messages mention, and returns `base`."""
    rows = [
        (event.originator_id, message, user_id, event.originator_version)
        for event in events
        for message in [event.message if isinstance(event, MessageEdited) else event.originator_version]
        for user_id in event.mentions or ()
    ]
    return Call("fold_mentions_v2", base, *columns(rows, 4))


def fold_attachments(events: Sequence[MessageAdded], base: Call | int) -> Call:
    """The call that records which files messages name, and returns `base`."""
    rows = [
        (
            *(event.originator_id, event.originator_version, place),
            *(UUID(each["id"]), each["sha256"], each["size"], each["media_type"], each["width"], each["height"]),
        )
        for event in events
        for place, each in enumerate(event.attachments or (), start=1)
    ]
    return Call("fold_attachments", base, *columns(rows, 9))


def _folded(event: DiscussionEvent) -> dict[str, Any]:
    """What the fold is told of an event."""
    is_sealed = getattr(event, "sealed", None) is not None
    return {
        "room_id": event.originator_id,
        "version": event.originator_version,
        "topic": event.TOPIC,
        "user_id": event.user_id,
        "at": event.timestamp,
        "message": event.message,
        "words": event.text if not is_sealed else None,
        "is_sealed": is_sealed,
        "emoji": getattr(event, "emoji", None),
    }
