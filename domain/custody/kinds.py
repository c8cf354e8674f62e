"""Every kind of event of the record."""

from typing import TypeAlias, get_args

from eventsourcing.utils import register_topic

from domain.custody import holding, opening, proving, requesting, retention, verifying

CustodyEvent = (
    opening.CustodyOpened
    | holding.HoldPlaced
    | holding.HoldEnded
    | retention.RetentionSet
    | retention.RetentionEnded
    | requesting.ErasureRequested
    | requesting.ErasureCarriedOut
    | proving.AuditRestarted
    | proving.AuditKeyChanged
    | verifying.RecordVerified
)
"""Every event type of the record. Code that handles them all matches on this and ends in `assert_never`."""

CUSTODY_KINDS: tuple[type[CustodyEvent], ...] = get_args(CustodyEvent)

for _kind in CUSTODY_KINDS:
    register_topic(_kind.TOPIC, _kind)  # the library registers only events that are defined inside an aggregate

CUSTODY_TOPICS = tuple(kind.TOPIC for kind in CUSTODY_KINDS)
"""The stored names of its events."""


class CustodyKindsByName:
    """The kinds by name, so that code says `Custody.HoldPlaced`."""

    CustodyOpened: TypeAlias = opening.CustodyOpened
    HoldPlaced: TypeAlias = holding.HoldPlaced
    HoldEnded: TypeAlias = holding.HoldEnded
    RetentionSet: TypeAlias = retention.RetentionSet
    RetentionEnded: TypeAlias = retention.RetentionEnded
    ErasureRequested: TypeAlias = requesting.ErasureRequested
    ErasureCarriedOut: TypeAlias = requesting.ErasureCarriedOut
    AuditRestarted: TypeAlias = proving.AuditRestarted
    AuditKeyChanged: TypeAlias = proving.AuditKeyChanged
    RecordVerified: TypeAlias = verifying.RecordVerified


class NamedCustodyEvents(CustodyKindsByName):
    """What the record inherits. One class further down, since the library redefines every event of a direct base."""
