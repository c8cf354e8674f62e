"""What can go wrong between a command and the log. One tree, which begins in `postgres.errors`:

StoreError
├── StoreUnavailable    nothing was recorded; try again later
│   ├── StoreBusy       the queue of waiting commands is full
│   ├── LogRestarted    the log went back: what was remembered of it is forgotten
│   ├── NewerFold       a newer program's fold is in force: this process must be replaced
│   ├── ContentWithheld words that were erased may be in the database again
│   └── UnreadableEvent an event in the log cannot be decoded or folded by this program
├── OutcomeUnknown      the connection died while committing: recorded or not, only the log knows
├── WordsHeld           a hold covers words that the command would erase
├── StoreRejected       the database refuses this command's rows: a defect, not one of our refusals
└── KeyReused           an idempotency key came again with another command
"""

from postgres.errors import StoreError, StoreUnavailable


class StoreBusy(StoreUnavailable):
    """More commands are waiting than the writer's queue holds. Nothing was recorded."""


class UnreadableEvent(StoreUnavailable):
    """An event in the log cannot be decoded or folded. Nothing was recorded, and nothing beyond it is folded.

    The text names the event and the reason, and quotes nothing that people wrote.
    """


class LogRestarted(StoreUnavailable):
    """The log went back, and a new generation of it has begun. Nothing was recorded; decide again."""


class ContentWithheld(StoreUnavailable):
    """Words that were erased are in the database again, or may be. Nothing that may hold them leaves this process."""

    REASON = "words that were erased may be in the database again: see `onrecord audit reapply`"

    def __init__(self, reason: str = REASON) -> None:
        super().__init__(reason)


class NewerFold(StoreUnavailable):
    """The read models were rebuilt by a newer program. This process folds and appends no more; replace it.

    Nothing was recorded.
    """

    SQLSTATE = "OR001"


class OutcomeUnknown(StoreError):
    """The commit was sent and its answer lost. Repeating the command with the same idempotency key is safe."""


class WordsHeld(StoreError):
    """A hold was placed on words that the command would erase. Nothing was recorded; the text names the hold."""

    SQLSTATE = "OR002"


class StoreRejected(StoreError):
    """PostgreSQL refused the rows of this command, tried alone. Nothing was recorded."""


class KeyReused(StoreError):
    """The idempotency key was used before, for a command with other contents. Nothing was recorded."""
