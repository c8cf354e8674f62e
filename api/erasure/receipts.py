"""Receipts: what an erasure erased, what it kept and why, and what stays in any case."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from api.erasure.account_erasure import ErasedAccount
from domain.use_cases.erasure import Plan
from domain.values import RoomId
from projections.readmodels.shapes import Timestamp, timestamp

STAYS = (
    "that it was said or named: who, when, in which room, at which version and position of the log",
    "copies outside this service: backups and archives of the database, exports, and what people saved or were sent",
)

STAYS_OF_A_USER = (
    "the number of the user, and which rooms they were in, from when to when",
    "what others said about them, and what operators wrote about them",
    "the files of PostgreSQL until `onrecord audit scrub`, and the service's own logs",
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
    """What a request erased and kept; after a dry run, what it would.

    `account` is what went with the account of a user, and null for a request about words alone. Backups may hold all of
    it until `backups_until`; null where the installation does not say how long it keeps them.
    """

    request: str
    at: Timestamp
    dry_run: bool
    account: ErasedAccount | None
    erased: list[ErasedVersions]
    kept: list[KeptVersions]
    stays: list[str]
    backups_until: Timestamp | None


def receipt_of(plan: Plan, *, dry_run: bool, backups_kept_days: int, account: ErasedAccount | None = None) -> Receipt:
    """The receipt of a plan, as it is or as it was carried out."""
    now = datetime.now(UTC)
    until = timestamp(now + timedelta(days=backups_kept_days)) if backups_kept_days else None
    kept: defaultdict[tuple[RoomId, str], list[int]] = defaultdict(list)
    for worded in plan.kept:
        kept[worded.room_id, worded.kept or ""].append(worded.at)
    return Receipt(
        str(plan.request),
        timestamp(now),
        dry_run,
        account,
        [ErasedVersions(room_id, versions) for room_id, versions in plan.erased.items()],
        [KeptVersions(room_id, versions, why) for (room_id, why), versions in kept.items()],
        list(STAYS if account is None else (*STAYS, *STAYS_OF_A_USER)),
        until,
    )
