"""Scrubbing: what is left of deleted rows in the server's files goes, as far as SQL reaches."""

import time
from collections.abc import Callable, Sequence

import asyncpg
from msgspec import Struct

from postgres.scrub import statistics, write_ahead_log
from postgres.scrub.old_snapshots import wait_for_old_snapshots
from postgres.scrub.reach import beyond_reach, files_of_no_table
from postgres.scrub.tables import NotLocked, Rewritten, Table, rewrite
from postgres.scrub.write_ahead_log import Passed

Report = Callable[[str], None]


class Scrubbed(Struct, frozen=True):
    """What was done. `left` names in words what could not be, and `beyond_reach` what SQL cannot reach."""

    tables: list[Rewritten]
    statistics_removed: list[str]
    write_ahead_log: Passed
    left: list[str]
    beyond_reach: list[str]

    @property
    def is_complete(self) -> bool:
        """Whether all within reach is done."""
        return not self.left


async def scrub(
    tables: Sequence[Table], schemas: Sequence[str], connection: asyncpg.Connection, report: Report, *, wait_s: float
) -> Scrubbed:
    """Rewrite these tables of `schemas`, remove statistics of columns that must have none, and let the log pass on.

    Each of the three waits for at most `wait_s`. What was deleted before this call is then in no file of the server,
    except for what is named as left or beyond reach.
    """
    report("waiting for transactions that can still see what was erased")
    holders = await wait_for_old_snapshots(connection, deadline=time.monotonic() + wait_s)
    left = [f"{holder} can still see what was erased: end it, and scrub again" for holder in holders]
    rewritten: list[Rewritten] = []
    removed: list[str] = []
    passed = Passed()
    if not left:
        removed, left = await statistics.remove_statistics(schemas, connection)
        catalogs = [Table(name, 0) for name in statistics.CATALOGS]
        if not await statistics.may_rewrite_catalogs(connection):
            left.append("dead rows of the statistics: run `VACUUM FULL pg_statistic` as the owner of the database")
            catalogs = []
        deadline = time.monotonic() + wait_s
        for table in (*catalogs, *tables):
            report(f"rewriting {table.name}")
            try:
                done = await rewrite(table, connection, deadline=deadline)
            except NotLocked as error:
                left.append(f"{error}: scrub again when it is quieter")
            else:
                rewritten += [done] if done is not None else []
        report("letting the write-ahead log pass on")
        passed = await _let_the_log_pass(connection, wait_s)
        left += [*passed.left, *await files_of_no_table(connection)]
    return Scrubbed(rewritten, removed, passed, left, await beyond_reach(connection))


async def _let_the_log_pass(connection: asyncpg.Connection, wait_s: float) -> Passed:
    if missing := await write_ahead_log.missing_rights(connection):
        advice = f"as a superuser in this database, then scrub again: {'; '.join(missing)}"
        return Passed(left=[f"the write-ahead log, and files of before until the next checkpoint; {advice}"])
    return await write_ahead_log.let_pass(connection, deadline=time.monotonic() + wait_s)
