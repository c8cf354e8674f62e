"""How the record begins."""

from eventsourcing.domain import Aggregate

from domain.custody.event import CustodyEventBase


class CustodyOpened(CustodyEventBase, Aggregate.Created):
    """Version 1 of the record: something is to be kept, or erased, for the first time."""

    TOPIC = "custody_opened"
    LABEL = "opened the record of custody"
