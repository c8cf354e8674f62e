"""Holds, rules of retention and requests to erase. Source: every event of the record of custody.

The rows hold no words: names of cases and reasons stand apart from the log, and are joined when they are shown.
"""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec

from domain.custody import CustodyEvent
from postgres.calls import Call

FUNCTIONS = Path(__file__).with_name("custody_fold.sql")
"""The function that this module calls."""

KEPT = Path(__file__).with_name("kept.sql")
"""The functions that say what may not be erased, and what is old enough to be."""

NOT_FOLDED = {"originator_id", "originator_topic", "originator_version", "timestamp", "reason", "sealed"}


class CustodyProjection:
    """Folds a whole batch in one call."""

    def folding(self, batch: Sequence[CustodyEvent], *, base: Call | int) -> Call:
        """The call that folds events (ascending) and returns `base`."""
        return Call("fold_custody", base, msgspec.json.encode([folded(event) for event in batch]).decode())


def folded(event: CustodyEvent) -> dict[str, Any]:
    """What the fold is told of an event."""
    its_own = {field.name: getattr(event, field.name) for field in fields(event) if field.name not in NOT_FOLDED}
    return {"topic": event.TOPIC, "version": event.originator_version, "at": event.timestamp, **its_own}
