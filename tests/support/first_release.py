"""What a process of the first release sends to the database: events that hold their words, and their folds."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from domain.names import name_key
from postgres.calls import Call

AT = datetime(2026, 1, 1, tzinfo=UTC)
TIME = {"_type_": "datetime_iso", "_data_": AT.isoformat()}


class FirstRelease:
    """Appends and folds over one connection. It knows nothing of later schemas."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def open_room(self, room_id: UUID, name: str, *, by: int) -> None:
        """Open a room; its opener is a member."""
        events = [
            (1, "room_opened", {"timestamp": TIME, "originator_topic": "room", "name": name, "opened_by": by}),
            (2, "user_joined", {"timestamp": TIME, "user_id": by}),
        ]
        opened = Call("fold_openings", recorded(room_id, events), [room_id], [name], [name_key(name)], [AT])
        joined = [[room_id], [by], [2], [2], [1], [None], [None], [None]]
        stays = Call("fold_stays", opened, *([] for _ in range(5)), *joined)
        await changed(stays, [[room_id], [2], [2], [None], [None], [1], [0]], []).fetch(self._connection)

    async def post(self, room_id: UUID, version: int, content: str, *, by: int) -> None:
        """Post a message. Raises what PostgreSQL answers."""
        state = {"timestamp": TIME, "user_id": by, "content": content, "client_id": None}
        base = recorded(room_id, [(version, "message_added", state)])
        room = [[room_id], [version], [1], [AT], [version], [0], [1]]
        said = [[room_id], [version], [by], [content], [AT]]
        async with self._connection.transaction():
            await changed(base, room, said).fetch(self._connection)


def recorded(room_id: UUID, events: Sequence[tuple[int, str, dict[str, Any]]]) -> Call:
    return Call(
        "record_events",
        "rooms",
        [room_id] * len(events),
        [version for version, _, _ in events],
        [topic for _, topic, _ in events],
        [msgspec.json.encode(state) for _, _, state in events],
        *([] for _ in range(5)),
    )


def changed(base: Call, room: Sequence[Any], said: Sequence[Any]) -> Call:
    return Call("fold_changes", base, *room, *(said or [[] for _ in range(5)]))
