"""Receipts: what an erasure erased, what it kept and why, and what stays in any case."""

from collections import defaultdict

from msgspec import Struct

from domain.erasure import Plan
from domain.values import RoomId

STAYS = (
    "that it was said or named: who, when, in which room, at which version and position of the log",
    "copies outside this service: backups and archives of the database, exports, and what people saved or were sent",
)


class ErasedVersions(Struct, frozen=True):
    """Versions of one room whose words are erased."""

    room_id: RoomId
    versions: list[int]


class KeptVersions(Struct, frozen=True):
    """Versions of one room whose words are kept, all for the same reason."""

    room_id: RoomId
    versions: list[int]
    why: str


class Receipt(Struct, frozen=True):
    """What a request erased and kept; after a dry run, what it would."""

    request: str
    dry_run: bool
    erased: list[ErasedVersions]
    kept: list[KeptVersions]
    stays: list[str]


def receipt_of(plan: Plan, *, dry_run: bool) -> Receipt:
    """The receipt of a plan, as it is or as it was carried out."""
    kept: defaultdict[tuple[RoomId, str], list[int]] = defaultdict(list)
    for worded in plan.kept:
        kept[worded.room_id, worded.kept or ""].append(worded.at)
    return Receipt(
        str(plan.request),
        dry_run,
        [ErasedVersions(room_id, versions) for room_id, versions in plan.erased.items()],
        [KeptVersions(room_id, versions, why) for (room_id, why), versions in kept.items()],
        list(STAYS),
    )
