"""Whether the whole record is verified, as its status says it: the last time on record, and when it is due next."""

from datetime import UTC, datetime, timedelta

from msgspec import Struct

from projections.readmodels.shapes import Timestamp, timestamp
from replay.rebuild.verification_due import VerifiedSoFar

EXPECTED_EVERY_S = 24 * 3600.0
"""Where the service verifies nothing by itself, somebody has to do so by a command, so often."""


class LastVerification(Struct, frozen=True):
    """When it was recorded, how many leaves of the tree it covered, how many rows it read, and how much it found that
    is not as recorded.
    """

    at: Timestamp
    size: int
    rows: int
    findings: int


class VerificationStatus(Struct, frozen=True):
    """`last`: the newest verification of everything, None where none is on record. `due`: when the service does the
    next by itself, None where it does not. `problems` has a sentence for each thing that is not well.
    """

    last: LastVerification | None
    due: Timestamp | None
    problems: list[str]

    @property
    def not_yet(self) -> str:
        """What is to be said of a record that was never verified in full; empty for one that was."""
        if self.last is not None:
            return ""
        if self.due is None:
            return "It was not yet verified in full, which the service does not do by itself: `onrecord audit verify`."
        return f"It was not yet verified in full: that is due at {_minute(datetime.fromisoformat(self.due))}."


def verification_status(so_far: VerifiedSoFar, every_s: float | None, now: datetime) -> VerificationStatus:
    """The status, for a service that verifies so often; None: never."""
    last = so_far.last
    due_at = so_far.due_at(every_s) if every_s is not None else None
    return VerificationStatus(
        last=LastVerification(
            timestamp(last.verified_at), last.verification.size, last.verification.rows, last.verification.findings
        )
        if last is not None
        else None,
        due=timestamp(due_at) if due_at is not None else None,
        problems=_problems(so_far, every_s, now),
    )


def _problems(so_far: VerifiedSoFar, every_s: float | None, now: datetime) -> list[str]:
    if so_far.last is not None and so_far.last.verification.findings:
        return ["The last full verification found what is not as it was recorded."]
    wait_s = every_s if every_s is not None else EXPECTED_EVERY_S
    due_at = so_far.due_at(wait_s)
    if due_at is None or now <= due_at + timedelta(seconds=wait_s):
        return []
    by_command = "" if every_s is not None else " The service does not do so by itself (AUDIT_VERIFY_EVERY)."
    return [f"The record was to be verified in full by {_minute(due_at)}, and was not.{by_command}"]


def _minute(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
