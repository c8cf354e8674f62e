"""Erasing an account: everything about the person goes but the number, by which the log names them."""

from collections.abc import Sequence

import asyncpg
from msgspec import Struct

from api.accounts import one_time_links
from api.accounts.accounts import erase_row, find_for_erasure
from api.accounts.sessions import end_sessions
from api.attachments import uploads
from audit.ledger import ErasedUser
from domain.values import UserId
from eventstore import idempotency_keys
from projections import operator_actions
from projections.fanout import leases
from projections.operator_actions import Operator
from projections.readmodels.reading import muted_rooms, read_marks


class ErasedAccount(Struct, frozen=True):
    """What was removed with an account, or would be, in numbers. `shown_as` stands for the person from now on."""

    user_id: UserId
    shown_as: str
    had_account: bool
    sessions: int
    read_marks: int
    idempotency_keys: int


def shown_as(user_id: UserId) -> str:
    """The name of an erased user. No account can have it: names have no spaces."""
    return f"erased user {user_id}"


STORED = """
SELECT
    (SELECT username FROM users WHERE user_id = $1 AND erased_at IS NULL) AS username,
    (SELECT count(*) FROM sessions WHERE user_id = $1) AS sessions,
    (SELECT count(*) FROM read_marks WHERE user_id = $1) AS read_marks,
    (SELECT count(*) FROM idempotency_keys WHERE owner = $1) AS idempotency_keys
"""


# A number that was given again, after a backup from before it was given, is another person's.
RETURNED = """
SELECT user_id FROM users JOIN unnest($1::bigint[], $2::timestamptz[]) AS gone (user_id, at) USING (user_id)
WHERE erased_at IS NULL AND created_at <= gone.at
"""


# A line that is older than the account is of another person, who had the number in a log that is lost.
UNWRITTEN = """
SELECT user_id, erased_at FROM users WHERE erased_at IS NOT NULL AND NOT EXISTS (
    SELECT FROM unnest($1::bigint[], $2::timestamptz[]) AS gone (user_id, at)
    WHERE gone.user_id = users.user_id AND gone.at >= users.created_at)
"""


async def unwritten_users(written: Sequence[ErasedUser], connection: asyncpg.Connection) -> list[ErasedUser]:
    """The accounts that are erased and are not among these lines of the ledger, as after a crash."""
    rows = await connection.fetch(UNWRITTEN, [line.user for line in written], [line.at for line in written])
    return [ErasedUser(row["user_id"], row["erased_at"]) for row in rows]


async def returned_users(erased: Sequence[ErasedUser], connection: asyncpg.Connection) -> list[UserId]:
    """Those of these erased users whose accounts are in the database, as after a backup was restored."""
    if not erased:
        return []
    rows = await connection.fetch(RETURNED, [line.user for line in erased], [line.at for line in erased])
    return [UserId(row["user_id"]) for row in rows]


async def is_given(connection: asyncpg.Connection, user_id: UserId) -> bool:
    """Whether an account has this number, or had it before it was erased: a request to erase can be repeated."""
    return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM users WHERE user_id = $1)", user_id))


async def look_at_account(connection: asyncpg.Connection, user_id: UserId) -> ErasedAccount:
    """What is stored about a user, and would be erased."""
    row = await connection.fetchrow(STORED, user_id)
    assert row is not None
    counts = (row["sessions"], row["read_marks"], row["idempotency_keys"])
    return ErasedAccount(user_id, shown_as(user_id), row["username"] is not None, *counts)


async def erase_account(connection: asyncpg.Connection, user_id: UserId, *, request: str, who: str) -> ErasedAccount:
    """Erase what is stored about a user, inside the caller's transaction; what they said is another matter.

    Ends all sessions; removes name, password, role, read marks, muted rooms, the lease, idempotency keys, uploads that
    no message names, and the name in the record of operators. Recorded there as an action of `who`, by number. What is
    erased already is passed over.
    """
    username = await find_for_erasure(connection, user_id)
    erased = await look_at_account(connection, user_id)
    await end_sessions(connection, user_id)
    await one_time_links.forget_resets(connection, user_id)
    await leases.remove(connection, user_id)
    await read_marks.remove(connection, user_id)
    await muted_rooms.remove(connection, user_id)
    await idempotency_keys.remove_of(connection, user_id)
    await uploads.remove_unused_of(connection, user_id)
    if username is not None:
        await operator_actions.replace_name(connection, username, shown_as(user_id))
        await erase_row(connection, user_id, shown_as(user_id))
    await Operator(who, "").record("erase user", f"user {user_id}, request {request}", connection)
    return erased
