"""The aggregate: the one record of custody."""

from typing import Any
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain.custody.event import CustodyEventBase
from domain.custody.holding import Holding
from domain.custody.kinds import NamedCustodyEvents
from domain.custody.opening import CustodyOpened
from domain.custody.proving import Proving
from domain.custody.requesting import Requesting
from domain.custody.retention import Retaining
from domain.custody.verifying import Verifying
from domain.values import UserId

CUSTODY_ID = UUID("6f6e7265-636f-7264-0000-637573746f64")
"""The stream of the one record: "onrecord", then "custod"."""


class Custody(Holding, Retaining, Requesting, Proving, Verifying, NamedCustodyEvents, Aggregate):
    """Holds, rules of retention and requests to erase, and the end of each; and what became of the proof of the record.

    Each subject has its commands, which decide and may raise the errors of `domain.errors`; each event applies itself.
    """

    TOPIC = "custody"
    Event = CustodyEventBase
    Created = CustodyOpened  # otherwise the library would add a created-event of its own, without a topic

    @event(CustodyOpened)
    def __init__(self, *, user_id: UserId) -> None:
        self.holds = set()
        self.rules = {}
        self.requests = set()

    @staticmethod
    def create_id(**_: Any) -> UUID:
        """There is one record."""
        return CUSTODY_ID
