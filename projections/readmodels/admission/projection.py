"""Who may enter rooms, and what joiners may read. Source: the events of `domain/room/access.py` and
`domain/room/invitations.py`, and the joining of those who were invited.
"""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec

from domain.room.access import HistoryChanged, VisibilityChanged
from domain.room.invitations import (
    InvitationDeclined,
    InvitationLinkMade,
    InvitationLinkRevoked,
    InvitationWithdrawn,
    UserInvited,
)
from domain.room.membership import UserJoined
from postgres.calls import Call

FUNCTIONS = Path(__file__).with_name("admission_fold.sql")
"""The function that this module calls."""

AdmissionEvent = (
    VisibilityChanged
    | HistoryChanged
    | UserInvited
    | InvitationWithdrawn
    | InvitationDeclined
    | InvitationLinkMade
    | InvitationLinkRevoked
    | UserJoined
)

GIVEN = {"originator_id", "originator_topic", "originator_version", "timestamp"}
"""The fields that the library gives to every event."""


def fold_admission(events: Sequence[AdmissionEvent], base: Call | int) -> Call:
    """The call that folds events (ascending) and returns `base`."""
    return Call("fold_admission", base, msgspec.json.encode([_folded(event) for event in events]).decode())


def _folded(event: AdmissionEvent) -> dict[str, Any]:
    """What the fold is told of an event."""
    its_own = {field.name: getattr(event, field.name) for field in fields(event) if field.name not in GIVEN}
    place = {"room_id": event.originator_id, "version": event.originator_version, "at": event.timestamp}
    return {"topic": event.TOPIC, **place, **its_own}
