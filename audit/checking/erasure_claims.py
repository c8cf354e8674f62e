"""Seals that say nothing any more, against the erasures of accounts that are on record as operator actions.

An erasure takes the salts away of the account, and of every earlier action that named the person. Nothing else does.
"""

import re
from collections.abc import Iterator, Mapping

import asyncpg

from audit.checking.mismatch import Mismatch

READ_ERASURES = """
SELECT action_id, subject, salt IS NOT NULL, concat_ws(' ', who, subject, why)
FROM operator_actions JOIN seals ON sealed = 'operator_actions' AND id = action_id
WHERE action = 'erase user' ORDER BY action_id
"""
READ_CLAIMS = """
SELECT id, concat_ws(' ', who, subject, why)
FROM operator_actions JOIN seals ON sealed = 'operator_actions' AND id = action_id WHERE salt IS NULL ORDER BY id
"""
READ_ACCOUNTS = "SELECT id FROM seals WHERE sealed = 'users' AND salt IS NULL ORDER BY id"

SUBJECT = re.compile(r"user (\d+), request ")
CLAIM = re.compile(r"erased user (\d+)")


async def claims_without_erasure(connection: asyncpg.Connection) -> list[Mismatch]:
    """Accounts and actions whose seals were emptied, though no erasure is on record that would have done so."""
    erased = await _erased(connection)
    accounts = [f"account {row[0]}" for row in await connection.fetch(READ_ACCOUNTS) if row[0] not in erased]
    claims = await connection.fetch(READ_CLAIMS)
    actions = [f"operator action {action}" for action, said in claims if not _was_named(action, said, erased)]
    return [
        Mismatch(place, f"{place}: its seal was emptied, and no erasure is on record that did so")
        for place in (*accounts, *actions)
    ]


async def _erased(connection: asyncpg.Connection) -> dict[int, int]:
    """The last action that erased each account. One whose own seal was emptied counts if an erasure did that."""
    erased: dict[int, int] = {}
    rows = await connection.fetch(READ_ERASURES)
    for is_sealed in (True, False):
        for action, subject, has_salt, said in rows:
            found = SUBJECT.match(subject)
            if found is not None and has_salt == is_sealed and (has_salt or _was_named(action, said, erased)):
                erased[int(found[1])] = max(action, erased.get(int(found[1]), 0))
    return erased


def _was_named(action: int, said: str, erased: Mapping[int, int]) -> bool:
    """Whether an action names a user who was erased after it."""
    return any(erased.get(user, 0) > action for user in _users(said))


def _users(said: str) -> Iterator[int]:
    return (int(each) for each in CLAIM.findall(said))
