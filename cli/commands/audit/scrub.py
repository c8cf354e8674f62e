"""`onrecord audit scrub`: what is left of erased words in the files of the database."""

import asyncio
from functools import partial

import asyncpg
import click
import msgspec

from api.settings import Settings
from centrifugo.redis_files import RedisFailed, rewrite_files
from cli.support.environment import bring_up_to_date, existing_database
from cli.support.operator_options import recorded_options
from cli.support.output import print_fields, print_json
from cli.support.servers.foreground import interruptible
from eventstore.log import TABLE as LOG
from postgres.connect import connect
from postgres.database import unavailable_is_one_error
from postgres.locks import SCRUB
from postgres.scrub.scrub import Report, Scrubbed, scrub
from postgres.scrub.tables import LOCK_TIMEOUT_S, Table, tables_with_text
from projections.operator_actions import Operator
from projections.readmodels.tables import LIVE
from replay.rebuild.shadow import SHADOW

SCHEMAS = (LIVE, SHADOW)
NEVER_ERASED = (LOG,)
"""Its rows are never deleted, so there are no words of dead ones in it."""


@click.command(name="scrub")
@click.option(
    "--wait",
    "wait_s",
    default=60.0,
    type=click.FloatRange(0, 86_400),
    metavar="SECONDS",
    help=("How long to wait for old transactions, for locks, and for the write-ahead log; 60 each."),
)
@click.option(
    "--redis",
    "redis_urls",
    multiple=True,
    envvar="REDIS_URL",
    metavar="URL",
    help=(
        "Also have this Redis, behind Centrifugo, write its files again: redis://[user:password@]host[:port]. "
        "Repeatable."
    ),
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@recorded_options
def scrub_(wait_s: float, redis_urls: tuple[str, ...], as_json: bool, operator: Operator) -> None:
    """Remove what is left of erased words in the files of the database: rewrite the tables that could hold dead rows,
    remove statistics of words, let the write-ahead log pass on. Then say what is beyond its reach.

    Run it as the role that owns the tables, while the service runs. Each table is locked while it is rewritten; posts
    and pages that need it wait. Exit code 1 when something within reach is left.

    \b
    onrecord audit scrub --why "request 17"
    """
    with interruptible("run it again to complete it"), existing_database(Settings.from_environment()) as settings:
        bring_up_to_date(settings)
        report = partial(click.echo, err=True)
        scrubbed = asyncio.run(_scrub(settings, operator, report, wait_s=wait_s))
        redis, failed = asyncio.run(_rewrite_redis(redis_urls, wait_s=wait_s))
        scrubbed = msgspec.structs.replace(scrubbed, beyond_reach=[*scrubbed.beyond_reach, *_of_files(settings)])
        left = [*scrubbed.left, *failed]
        verdict = "incomplete" if left else "scrubbed"
        if as_json:
            print_json({**_fields(scrubbed), "redis": redis, "left": left, "verdict": verdict})
        else:
            _print(scrubbed, redis, left, verdict)
        if left:
            raise click.exceptions.Exit(1)


async def _scrub(settings: Settings, operator: Operator, report: Report, *, wait_s: float) -> Scrubbed:
    with unavailable_is_one_error():
        connection = await connect(settings.database_url, timeout_s=settings.database_timeout_s)
        try:
            tables = await _begin(operator, connection)
            for line in _announcement(tables, settings):
                report(line)
            scrubbed = await scrub(tables, SCHEMAS, connection, report, wait_s=wait_s)
            subject = "all within reach" if scrubbed.is_complete else f"incomplete: {'; '.join(scrubbed.left)}"
            await operator.record("scrubbed", subject, connection)
            return scrubbed
        finally:
            await connection.close()


def _of_files(settings: Settings) -> list[str]:
    """What is beyond reach of the files of messages: they are removed by the service, not rewritten here."""
    bucket = settings.attachments_bucket
    return [f"former versions and copies of files in {bucket}, where the bucket keeps some"] if bucket else []


async def _begin(operator: Operator, connection: asyncpg.Connection) -> list[Table]:
    """Put it on record, and return what is to be rewritten, unless that is refused."""
    async with connection.transaction():
        tables = await tables_with_text(SCHEMAS, NEVER_ERASED, connection)
        await operator.record("scrub", f"{len(tables)} tables", connection)
        if others := [table.name for table in tables if not table.is_ours]:
            role = await connection.fetchval("SELECT current_user")
            raise click.ClickException(f"{role} does not own {', '.join(others)}: run it as the role that does")
        if not await SCRUB.try_take(connection):
            raise click.ClickException("another scrub is running")
    return tables


def _announcement(tables: list[Table], settings: Settings) -> list[str]:
    """What is about to be locked, and for how long others may wait."""
    of_size = ", ".join(f"{table.name} {_megabytes(table.bytes)}" for table in reversed(tables))
    return [
        f"rewrites {len(tables)} tables, {_megabytes(sum(table.bytes for table in tables))}: {of_size}",
        "each is locked while it is rewritten, one after another: posts and pages that need it wait meanwhile. "
        f"After DATABASE_TIMEOUT_S ({settings.database_timeout_s:g} s here) they are answered 503 and clients try "
        "again: nothing is lost",
        f"a lock that is not free within {LOCK_TIMEOUT_S:g} s is given up and tried again",
    ]


async def _rewrite_redis(urls: tuple[str, ...], *, wait_s: float) -> tuple[list[str], list[str]]:
    """What was written again, and what failed, in words."""
    rewritten, failed = [], []
    for url in urls:
        try:
            rewritten += await rewrite_files(url, wait_s=wait_s)
        except RedisFailed as error:
            failed.append(str(error))
    return rewritten, failed


def _fields(scrubbed: Scrubbed) -> dict[str, object]:
    return {name: getattr(scrubbed, name) for name in scrubbed.__struct_fields__}


def _print(scrubbed: Scrubbed, redis: list[str], left: list[str], verdict: str) -> None:
    before = sum(table.bytes_before for table in scrubbed.tables)
    after = sum(table.bytes_after for table in scrubbed.tables)
    longest = max(scrubbed.tables, key=lambda table: table.locked_s, default=None)
    log = scrubbed.write_ahead_log
    print_fields(
        (
            ("tables", f"{len(scrubbed.tables)} rewritten, {_megabytes(before)} before, {_megabytes(after)} after"),
            *([("locked", f"at most {longest.locked_s:.1f} s, {longest.name}")] if longest else []),
            ("statistics", f"{len(scrubbed.statistics_removed)} columns had some, removed"),
            ("write-ahead log", f"{log.removed} segments of before are gone, {log.overwritten} overwritten"),
            ("redis", ", ".join(redis) or "not asked"),
            *(("left", line) for line in left),
            *(("beyond reach", line) for line in scrubbed.beyond_reach),
            ("verdict", click.style(verdict, fg="red" if left else "green")),
        )
    )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
