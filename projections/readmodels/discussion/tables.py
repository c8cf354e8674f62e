"""The tables of what members do about messages."""

KEYS = {
    "edits": ("room_id", "message", "version"),
    "retractions": ("room_id", "message"),
    "reactions": ("room_id", "message", "user_id", "emoji", "added_version"),
    "pins": ("room_id", "message", "pinned_version"),
    "mentions": ("room_id", "version", "user_id"),
    "attachments": ("room_id", "version", "place"),
}
"""The primary key of each table."""

COUNTED = {
    "edits": "edit_count",
    "retractions": "retraction_count",
    "reactions": "reaction_count",
    "pins": "pin_count",
    "mentions": "mention_count",
    "attachments": "attachment_count",
}
"""The column of `rooms` that says how many rows of a room each table has."""

WORDED = """
SELECT room_id, version, content FROM edits
UNION ALL SELECT room_id, version, why FROM retractions WHERE has_why
"""
"""SQL for the events that have words, one a row."""
