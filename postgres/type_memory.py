"""What the driver asks of the database about types, asked once in each process instead of on each connection."""

from collections.abc import Iterable
from typing import Any

import asyncpg

FIXED_OIDS = 10_000
"""PostgreSQL's own types below this number have it in every database of every version.

Source: https://www.postgresql.org/docs/current/system-catalog-initial-data.html#SYSTEM-CATALOG-OID-ASSIGNMENT
"""

_known: dict[int, asyncpg.Record] = {}


class Connection(asyncpg.Connection):  # type: ignore[misc]  # the driver has no types
    """Remembers PostgreSQL's own types, as arrays of numbers, beyond the life of a connection.

    The driver asks for each array type that it meets, on every connection, with a statement that takes the database
    five milliseconds of processor time the first time.
    """

    async def _introspect_types(self, typeoids: Iterable[int], timeout: float | None) -> Any:  # noqa: ASYNC109
        asked = set(typeoids)
        if asked <= _known.keys():
            return [_known[oid] for oid in asked], _Statement
        rows, statement = await super()._introspect_types(asked, timeout)
        _known.update({row["oid"]: row for row in rows if row["oid"] < FIXED_OIDS and row["elemtype"]})
        return rows, statement


class _Statement:
    """In place of the statement that was not sent: a name says that it replaced no unnamed one."""

    name = "none"
