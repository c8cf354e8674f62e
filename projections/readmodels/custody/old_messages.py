"""What the rules of retention say to erase: the port of `domain.disposition`, over the read models."""

from collections.abc import Sequence

from domain.use_cases.disposition import OldSlice, Place
from domain.values import RoomId
from postgres.database import Database

ROOMS = 100
"""How many rooms one statement looks at. Most have nothing old: that costs a look at their oldest message."""

SLICE = 500
"""How many messages are erased at a time: so long, others wait with their posts."""

ANY_RULE = "SELECT EXISTS (SELECT FROM retention_rules WHERE erase_days > 0 AND ended_version IS NULL)"

# The rule of a room that says something of erasing, or else that of all rooms.
SLICES = f"""
SELECT room.room_id, room.rule, room.erase_days, old.versions, ARRAY(
    SELECT version FROM unnest(old.versions) AS version
    EXCEPT SELECT kept_version FROM kept(room.room_id, old.versions) ORDER BY version) AS free
FROM (
    SELECT rooms.room_id, rule.rule, rule.erase_days FROM (
        SELECT room_id FROM rooms WHERE room_id >= $1 ORDER BY room_id LIMIT {ROOMS}
    ) AS rooms LEFT JOIN LATERAL (
        SELECT rule, erase_days FROM retention_rules
        WHERE ended_version IS NULL AND erase_days IS NOT NULL AND (room_id IS NULL OR room_id = rooms.room_id)
        ORDER BY room_id IS NULL LIMIT 1
    ) AS rule ON true
) AS room CROSS JOIN LATERAL (
    SELECT CASE WHEN room.erase_days > 0 THEN old_messages(
        room.room_id, now() - make_interval(hours => 24 * room.erase_days),
        CASE WHEN room.room_id = $1 THEN $2::bigint ELSE 0 END, {SLICE}) ELSE '{{}}' END AS versions
) AS old ORDER BY room.room_id
"""


class ReadModelOldMessages:
    """Reads what `domain.use_cases.disposition.OldMessages` describes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def beyond(self, place: Place) -> tuple[Sequence[OldSlice], Place | None]:
        """The next slices, at most one of a room, and the place from which to go on; None at the end."""
        if not await self._database.fetchval(ANY_RULE):
            return [], None
        rows = await self._database.fetch(SLICES, place.room_id, place.up_to)
        found = [
            OldSlice(row["rule"], row["erase_days"], RoomId(row["room_id"]), tuple(row["free"]))
            for row in rows
            if row["versions"]
        ]
        for row in rows:
            if len(row["versions"]) == SLICE:  # there may be more in this room
                return found, Place(RoomId(row["room_id"]), row["versions"][-1])
        return found, Place(RoomId(rows[-1]["room_id"]), END) if len(rows) == ROOMS else None


END = 2**63 - 1
"""Beyond every version."""
