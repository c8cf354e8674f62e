"""The history of a room: its stream, the room at any version, its audience, and what changed between two."""
