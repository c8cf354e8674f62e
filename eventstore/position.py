"""The type of positions. It has a file of its own, because everything that reads the log builds on it."""

from typing import NewType

Position = NewType("Position", int)
"""An event's place in the whole log (notification id): rising in commit order, with gaps."""
