"""Accounts that move to another database with the log that names them by id."""

from collections.abc import Iterable, Mapping, Sequence, Set

import asyncpg
import msgspec

from domain.names import username_key, username_keys
from domain.values import UserId
from replay.archive.account_line import Account
from replay.archive.archive_reader import ArchiveRefused

PAGE = 5000
FIELDS = ", ".join(Account.__struct_fields__)
READ = f"SELECT {FIELDS} FROM users WHERE user_id > $1 AND erased_at IS NULL ORDER BY user_id LIMIT $2"
LOCK = "LOCK TABLE users IN SHARE MODE"
"""No account is created between the look at the table and the end of the transaction."""

HERE = """
SELECT user_id, username, username_key, created_at FROM users
WHERE user_id = ANY($1::bigint[]) OR username_key = ANY($2::text[]) ORDER BY user_id
"""
INSERT = f"""
INSERT INTO users ({FIELDS}, username_key) OVERRIDING SYSTEM VALUE
SELECT * FROM unnest(
    $1::bigint[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::timestamptz[], $7::timestamptz[],
    $8::boolean[], $9::text[]
)
"""
KEEP_IDS = "SELECT move_user_ids_beyond($1)"

NAMED_AT_MOST = 10
"""Accounts that a refusal names; the rest it counts."""


class MovedAccounts:
    """The table of users, as `replay.archive` needs it."""

    async def read_page(self, after: UserId, connection: asyncpg.Connection) -> list[Account]:
        """The next accounts beyond the id `after`, ascending; none at the end."""
        return [Account(*row) for row in await connection.fetch(READ, after, PAGE)]

    async def restore(
        self,
        accounts: Mapping[UserId, Account],
        named: Set[UserId],
        connection: asyncpg.Connection,
        *,
        same_people: bool,
    ) -> int:
        """Create those accounts that are not here: see `replay.archive.account_line.AccountTable`."""
        keys = _keys(accounts.values())
        await connection.execute(LOCK)
        here = await connection.fetch(HERE, list(named | keys.keys()), list(keys.values()))
        _refuse_shared_names(here, keys)
        if not same_people:
            _refuse_other_people(here, accounts, named)
        present = {row["user_id"] for row in here}
        new = [account for user_id, account in accounts.items() if user_id not in present]
        for start in range(0, len(new), PAGE):
            rows = [(*msgspec.structs.astuple(account), keys[account.user_id]) for account in new[start : start + PAGE]]
            await connection.execute(INSERT, *map(list, zip(*rows, strict=True)))
        await connection.execute(KEEP_IDS, max([0, *named, *accounts]))
        return len(new)


def _keys(accounts: Iterable[Account]) -> dict[UserId, str]:
    """The forms in which their names are compared. Of those that look alike, the oldest account has the usual one."""
    keys: dict[UserId, str] = {}
    taken: set[str] = set()
    for account in accounts:
        key = username_key(account.username)
        keys[account.user_id] = username_keys(account.username)[0] if key in taken else key
        taken.add(key)
    return keys


def _refuse_shared_names(here: Sequence[asyncpg.Record], keys: Mapping[UserId, str]) -> None:
    owners = {key: user_id for user_id, key in keys.items()}
    shared = [row for row in here if owners.get(row["username_key"], row["user_id"]) != row["user_id"]]
    if shared:
        raise ArchiveRefused(
            f"accounts here have names of other people in the file: {_listed(shared)}; use a database without them"
        )


def _refuse_other_people(
    here: Sequence[asyncpg.Record], accounts: Mapping[UserId, Account], named: Set[UserId]
) -> None:
    others = [row for row in here if not _may_stay(row, accounts.get(row["user_id"]), named)]
    if others:
        raise ArchiveRefused(
            "accounts here have ids of people in the file, whose messages and rooms would become theirs: "
            f"{_listed(others)}; use a database without accounts, or --same-people if they are the same"
        )


def _may_stay(row: asyncpg.Record, account: Account | None, named: Set[UserId]) -> bool:
    """Whether the account here is the one of the file, or has an id that the file gives to no one."""
    if account is None:
        return row["user_id"] not in named
    return (row["username"], row["created_at"]) == (account.username, account.created_at)


def _listed(rows: Sequence[asyncpg.Record]) -> str:
    names = [f"{row['user_id']} ({row['username']})" for row in rows]
    more = f" and {len(names) - NAMED_AT_MOST} more" if len(names) > NAMED_AT_MOST else ""
    return ", ".join(names[:NAMED_AT_MOST]) + more
