"""The two numbers that say where an event is. The type checker lets neither pass for the other."""

from typing import NewType

Position = NewType("Position", int)
"""An event's place in the whole log (notification id): rising in commit order, with gaps."""

Version = NewType("Version", int)
"""An event's place in its stream: 1, 2, 3, … without gaps."""

LOG_START = Position(0)
"""Before every event of the log."""

STREAM_START = Version(0)
"""Before every event of a stream."""
