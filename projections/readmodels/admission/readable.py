"""What a member may read of a room. Whatever shows what happened at a version of a room asks here.

Each stay of a member has a range of versions: from `reads_from`, which was decided when they joined, to their leaving.
Later stays never read from earlier, so the ranges together are what a member may read. Who is not a member now reads
nothing: the callers see to that.
"""

from bisect import bisect_right
from dataclasses import dataclass

from domain.values import RoomId, UserId
from eventstore.values import Version
from postgres.database import Database

BEYOND = 2**63 - 1
"""Beyond every version."""


def readable(room: str, user: str) -> str:
    """SQL: the ranges of a user in a room, given by expressions: rows with `since` and `until`, which are disjoint."""
    return f"""(
    SELECT
        greatest(reads_from, coalesce(lag(left_version) OVER (ORDER BY joined_version), 0) + 1) AS since,
        coalesce(left_version, {BEYOND}) AS until
    FROM memberships WHERE memberships.room_id = {room} AND memberships.user_id = {user}
)"""


def may_read(room: str, user: str, version: str) -> str:
    """SQL: whether a user may read what happened at a version of a room, given by expressions."""
    return f"""EXISTS (
    SELECT FROM memberships AS stay
    WHERE stay.room_id = {room} AND stay.user_id = {user} AND stay.reads_from <= {version}
        AND (stay.left_version IS NULL OR stay.left_version >= {version})
)"""


RANGES = f"SELECT since, until FROM {readable('$1', '$2')} AS stay WHERE since <= until ORDER BY since"


@dataclass(frozen=True, slots=True)
class Readable:
    """Ranges of versions, ascending; the last one has no end."""

    ranges: tuple[tuple[int, int], ...]

    def __contains__(self, version: Version) -> bool:
        place = bisect_right(self.ranges, (version, BEYOND)) - 1
        return place >= 0 and version <= self.ranges[place][1]

    def before(self, version: Version) -> Version | None:
        """The newest readable version below `version`."""
        earlier = [min(until, version - 1) for since, until in self.ranges if since < version]
        return Version(earlier[-1]) if earlier else None

    def after(self, version: Version) -> Version | None:
        """The oldest readable version above `version`."""
        later = (max(since, version + 1) for since, until in self.ranges if until > version)
        return Version(found) if (found := next(later, None)) is not None else None


async def readable_by(user_id: UserId, room_id: RoomId, database: Database) -> Readable:
    """What a member may read."""
    rows = await database.fetch(RANGES, room_id, user_id)
    return Readable(tuple((row["since"], row["until"]) for row in rows))
