"""What each witness saw last, in the database: for the next submission, and for the status."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import asyncpg

READ = "SELECT name, size, cosigned_at, asked_at, problem FROM audit_witnesses WHERE epoch = $1 ORDER BY name"
WRITE = """
INSERT INTO audit_witnesses AS known (epoch, name, size, cosigned_at, asked_at, problem) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (epoch, name) DO UPDATE SET
    size = greatest(known.size, excluded.size), cosigned_at = coalesce(excluded.cosigned_at, known.cosigned_at),
    asked_at = excluded.asked_at, problem = excluded.problem
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """A witness, by its name in the policy: the size of the tree that it cosigned last, 0 before, and when; why it did
    not cosign when it was asked last, None where it did.
    """

    name: str
    size: int
    cosigned_at: datetime | None
    asked_at: datetime
    problem: str | None


async def read_standings(epoch: int, connection: asyncpg.Connection) -> list[Standing]:
    """All that were ever asked in an epoch, by name."""
    return [Standing(*row) for row in await connection.fetch(READ, epoch)]


async def write_standings(epoch: int, standings: Iterable[Standing], connection: asyncpg.Connection) -> None:
    """Record what those say that were asked."""
    rows = [(epoch, each.name, each.size, each.cosigned_at, each.asked_at, each.problem) for each in standings]
    await connection.executemany(WRITE, rows)
