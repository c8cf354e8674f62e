"""Names of accounts, what they may do, and actions of operators against their seals, made one over the other."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from audit.checking.mismatch import DAMAGED, Mismatch, damaged
from audit.checking.slices import OpenSlice

FUNCTIONS = Path(__file__).with_name("seals.sql")
"""The functions that make what is checked here."""

SLICE = 2000

READ_HEAD = "SELECT number, seal FROM seal_heads WHERE sealed = $1"
UNSEALED = """
SELECT {key} FROM {table} WHERE NOT EXISTS (SELECT FROM seals WHERE sealed = '{table}' AND id = {key}) AND {must_have}
ORDER BY {key} LIMIT 1000
"""
READ_SEALS = """
SELECT number, id, salt, seal, {key} IS NULL AS is_missing, {columns}
FROM seals LEFT JOIN {table} ON {key} = id
WHERE sealed = '{table}' AND number > $1 AND number <= $2 ORDER BY number LIMIT {limit}
"""


@dataclass(frozen=True, slots=True)
class SealedTable:
    """A table whose rows are sealed. `content`: the bytes that are sealed, from the columns of a row.

    `is_erased`: SQL for a row of which a person was erased, so that its seal says nothing any more.
    `must_have`: SQL for a row that has a seal.
    """

    name: str
    key: str
    called: str
    altered: str
    columns: str
    is_erased: str
    must_have: str
    content: Callable[[Sequence[Any]], bytes]


@dataclass(frozen=True, slots=True)
class SealedUpTo:
    """How many rows of a table were sealed, and the last of their seals, in hex: it stands for all of them."""

    number: int = 0
    seal: str = ""


def _account(columns: Sequence[Any]) -> bytes:
    return _text(columns[0])


def _action(columns: Sequence[Any]) -> bytes:
    return _moment(columns[0]) + b"".join(map(_text, columns[1:]))


def _standing(columns: Sequence[Any]) -> bytes:
    return _number(columns[0]) + _text(columns[1]) + _moment(columns[2])


def _moment(at: datetime) -> bytes:
    return _number((at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))


def _text(words: str) -> bytes:
    return _number(len(words.encode())) + words.encode()


def _number(number: int) -> bytes:
    return number.to_bytes(8, "big", signed=True)


ACCOUNTS = SealedTable(
    name="users",
    key="user_id",
    called="account",
    altered="its name is not the one that was given to it",
    columns="username",
    is_erased="erased_at IS NOT NULL AND username = 'erased user ' || user_id",
    must_have="erased_at IS NULL",
    content=_account,
)
ACTIONS = SealedTable(
    name="operator_actions",
    key="action_id",
    called="operator action",
    altered="it was altered",
    columns="taken_at, who, action, subject, why",
    is_erased="concat_ws(' ', who, subject, why) ~ 'erased user [0-9]'",
    must_have="true",
    content=_action,
)

STANDINGS = SealedTable(
    name="account_standings",
    key="standing_id",
    called="standing",
    altered="it was altered",
    columns="user_id, standing, since",
    is_erased="false",
    must_have="true",
    content=_standing,
)
OTHER_STANDING = """
SELECT user_id FROM users LEFT JOIN LATERAL (
    SELECT standing FROM account_standings WHERE account_standings.user_id = users.user_id
    ORDER BY standing_id DESC LIMIT 1
) AS newest ON true
WHERE newest.standing IS DISTINCT FROM concat_ws(
    ' ', role, CASE WHEN is_bot THEN 'bot' END, CASE WHEN deactivated_at IS NOT NULL THEN 'deactivated' END)
ORDER BY user_id LIMIT 1000
"""


async def other_standings(connection: asyncpg.Connection) -> list[Mismatch]:
    """Accounts that may do what their newest standing does not say."""
    said = "its role, or whether it is a bot or deactivated, is not what was recorded last"
    return [_of(ACCOUNTS, row["user_id"], said) for row in await connection.fetch(OTHER_STANDING)]


async def check_seals(
    table: SealedTable, before: SealedUpTo | None, slices: OpenSlice
) -> tuple[SealedUpTo, list[Mismatch]]:
    """Compare the rows of a table with their seals, and these with what was on record `before`."""
    try:
        return await _check(table, before, slices)
    except DAMAGED as error:
        return SealedUpTo(), [damaged(f"the table {table.name}", error)]


async def _check(table: SealedTable, before: SealedUpTo | None, slices: OpenSlice) -> tuple[SealedUpTo, list[Mismatch]]:
    findings: list[Mismatch] = []
    unsealed = UNSEALED.format(table=table.name, key=table.key, must_have=table.must_have)
    async with slices() as connection:
        head = await connection.fetchrow(READ_HEAD, table.name)
        size, last = (head["number"], head["seal"]) if head is not None else (0, b"")
        for row in await connection.fetch(unsealed):
            findings.append(_of(table, row[0], "it has no seal: it was not the service that added it"))
    chain = _Chain(table, before)
    while rows := await _read(table, chain.number, size, slices):
        for row in rows:
            findings += chain.follow(row)
    if (chain.number, chain.seal) != (size, last):
        said = f"the {table.called}s have {chain.number:,} seals, and the newest is not the last of {size:,}"
        findings.append(Mismatch(f"the seals of {table.called}s", said))
    if before is not None and not chain.met_before:
        place = f"the first {before.number:,} {table.called}s"
        findings.append(Mismatch(place, f"{place} are not those that were verified before"))
    return SealedUpTo(chain.number, chain.seal.hex()), findings


async def _read(table: SealedTable, after: int, to: int, slices: OpenSlice) -> list[asyncpg.Record]:
    columns = f"{table.columns}, {table.is_erased} AS is_erased"
    read = READ_SEALS.format(table=table.name, key=table.key, columns=columns, limit=SLICE)
    async with slices() as connection:
        return list(await connection.fetch(read, after, to))


class _Chain:
    """Follows the seals of a table."""

    def __init__(self, table: SealedTable, before: SealedUpTo | None) -> None:
        self.number, self.seal = 0, b""
        self.met_before = before is None or before.number == 0
        self._table, self._before = table, before
        self._label = f"onrecord/{table.name}/v1".encode() + b"\x00"

    def follow(self, row: asyncpg.Record) -> list[Mismatch]:
        """What is wrong with the next row."""
        number, key, salt, seal, is_missing, *columns, is_erased = row
        found = []
        if number != self.number + 1:
            missing = f"seals {self.number + 1:,} to {number - 1:,} of {self._table.called}s"
            found.append(Mismatch(missing, f"{missing} are missing"))
        elif is_missing:
            found.append(_of(self._table, key, "it is missing"))
        elif not self._fits(salt, seal, key, columns, is_erased=bool(is_erased)):
            found.append(_of(self._table, key, self._table.altered))
        self.number, self.seal = number, seal
        if self._before is not None and (number, seal.hex()) == (self._before.number, self._before.seal):
            self.met_before = True
        return found

    def _fits(self, salt: bytes | None, seal: bytes, key: int, columns: Sequence[Any], *, is_erased: bool) -> bool:
        if salt is None:
            return is_erased
        content = _number(key) + self._table.content(columns)
        return hashlib.sha256(self._label + salt + self.seal + content).digest() == seal


def _of(table: SealedTable, key: int, problem: str) -> Mismatch:
    place = f"{table.called} {key}"
    return Mismatch(place, f"{place}: {problem}")
