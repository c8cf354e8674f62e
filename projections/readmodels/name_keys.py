"""Brings the keys of names in a database to today's rule. Names that are alike by it, and were not, are all kept."""

import logging

import asyncpg

from domain.names import NAME_RULE, kept_key, name_key, username_key
from eventstore import append_lock, words

SET_RULE = "UPDATE name_rule SET version = $1 WHERE version < $1 RETURNING true"
USERS = "SELECT user_id, username, username_key FROM users ORDER BY user_id"
SET_USER_KEYS = """
UPDATE users SET username_key = new.key FROM unnest($1::bigint[], $2::text[]) AS new (user_id, key)
WHERE users.user_id = new.user_id
"""
PARK_USER_KEYS = "UPDATE users SET username_key = '==' || user_id WHERE user_id = ANY($1::bigint[])"
ROOMS = "SELECT room_id, name, name_key FROM rooms WHERE name IS NOT NULL"
SET_ROOM_KEYS = """
UPDATE rooms SET name_key = new.key FROM unnest($1::uuid[], $2::text[]) AS new (room_id, key)
WHERE rooms.room_id = new.room_id
"""
NAMES_APART = f"SELECT stream, version, content, key FROM {words.COMPARED} JOIN {words.TABLE} USING (stream, version)"
SET_KEYS_APART = f"""
UPDATE {words.COMPARED} AS named SET key = new.key
FROM unnest($1::uuid[], $2::bigint[], $3::text[]) AS new (stream, version, key)
WHERE named.stream = new.stream AND named.version = new.version
"""

log = logging.getLogger(__name__)


async def bring_keys_up_to_date(connection: asyncpg.Connection) -> None:
    """Recompute the keys of users and rooms, unless they were made by today's rule. Appends wait meanwhile."""
    async with connection.transaction():
        if not await connection.fetchval(SET_RULE, NAME_RULE):
            return
        await append_lock.take(connection)
        await _users(connection)
        await _rooms(connection)


async def _users(connection: asyncpg.Connection) -> None:
    """The oldest account gets the key; one that looks like it keeps a key of its own, and logs in as before."""
    taken: dict[str, str] = {}
    changed = {}
    for user_id, username, former in await connection.fetch(USERS):
        key = username_key(username)
        if key in taken:
            log.warning("two accounts look alike; both stay", extra={"account": username, "other": taken[key]})
            key = former if former.startswith("=") else kept_key(former)
        taken[key] = username
        if key != former:
            changed[user_id] = key
    await connection.execute(PARK_USER_KEYS, list(changed))  # keys are unique at every step
    await connection.execute(SET_USER_KEYS, list(changed), list(changed.values()))


async def _rooms(connection: asyncpg.Connection) -> None:
    changed = {
        room_id: name_key(name) for room_id, name, former in await connection.fetch(ROOMS) if name_key(name) != former
    }
    await connection.execute(SET_ROOM_KEYS, list(changed), list(changed.values()))
    apart = [
        (stream, version, name_key(name))
        for stream, version, name, former in await connection.fetch(NAMES_APART)
        if name_key(name) != former
    ]
    columns = ([row[place] for row in apart] for place in range(3))
    await connection.execute(SET_KEYS_APART, *columns)
