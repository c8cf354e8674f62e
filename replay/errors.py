"""Why a replay stops. One tree:

ReplayError
├── UnknownProjection   no read model has that name
├── UnknownRoom         the log holds no such room
├── AlreadyRunning      somebody else is rebuilding the same read model
├── SwapBlocked         a reader kept its hands on the live tables for too long
└── BadFile             a file of events is cut short, altered, or does not go with this log
"""


class ReplayError(Exception):
    """A replay that cannot be done. What it would have replaced is as it was."""


class UnknownProjection(ReplayError):
    """There is no read model with this name."""


class UnknownRoom(ReplayError):
    """No room in the log has this id or name, or more than one has this name."""


class AlreadyRunning(ReplayError):
    """Another process is rebuilding the same read model."""


class SwapBlocked(ReplayError):
    """The fresh tables are ready and stay; somebody reads the old ones in a transaction that does not end."""


class BadFile(ReplayError):
    """A file of events that is not what its manifest says, or that does not continue this log. Nothing was recorded."""
