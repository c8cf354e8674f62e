"""`onrecord audit verify`: checks a proof file offline, or the whole record."""

import functools
from pathlib import Path

import asyncpg
import click

from api import wiring
from audit.checking.tree_check import NoTree
from audit.heads.statement import is_heads_file
from audit.heads.trust import HeadsRefused
from audit.signing.anchor import AnchorUnavailable
from audit.verify import ProofRefused, TrustPolicy
from audit.verify import check as check_proof
from cli.commands.audit.heads import verify_heads
from cli.support.log_reader import Reader
from cli.support.output import moment, print_json
from cli.support.progress_bar import progress
from cli.support.scratch_database import scratch_database
from cli.support.servers.foreground import in_the_foreground, interruptible
from domain.custody import Verification
from postgres.errors import StoreError
from projections.readmodels.custody.verifications import RecordedVerification, last_verification
from replay.progress import Report
from replay.rebuild.verify import verify_standby
from replay.rebuild.whole_record import RecordChecked

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("file", type=FILE, required=False)
@click.option("--policy", type=FILE, help="The keys that you trust, as `onrecord audit key` prints them.")
@click.option(
    "--from",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder of checkpoints and statements of heads that were kept elsewhere, one a file.",
)
@click.option(
    "--since",
    type=click.Choice(["last"]),
    help="The log only from the last verification on that found nothing; neither read models nor snapshots.",
)
@click.option("--export", type=FILE, help="With a statement of heads: an export that is to have all of it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def verify(
    file: Path | None, policy: Path | None, folder: Path | None, since: str | None, export: Path | None, as_json: bool
) -> None:
    """Check the whole record: rows and words against the tree, the tree against every checkpoint in the database, in
    the anchor and in a folder, names and operator actions against their seals, read models and snapshots against the
    log. Each finding is a line; then exit code 1. The result goes on record, too. What the log says of files is checked
    with it; `onrecord attachments verify` compares their bytes.

    With FILE: check one proof file, or one statement of heads, without a database and without this service.

    \b
    onrecord audit verify
    onrecord audit verify --since last
    onrecord audit verify --from kept-checkpoints
    onrecord audit verify General-17.tlog-proof --policy policy.txt
    onrecord audit verify log.jsonl.gz.heads --policy policy.txt --export log.jsonl.gz
    """
    if file is not None:
        if policy is None or folder is not None or since is not None:
            raise click.UsageError("FILE goes with --policy, and not with --from or --since.")
        _verify_file(file, policy, export)
    elif policy is not None or export is not None:
        raise click.UsageError("--policy and --export go with FILE.")
    else:
        _verify_record(folder, is_since_last=since is not None, as_json=as_json)


def _verify_record(folder: Path | None, *, is_since_last: bool, as_json: bool) -> None:
    outside = [(each.name, each.read_text(encoding="utf-8", errors="replace")) for each in _files(folder)]
    with interruptible("nothing was changed"), progress("verify") as report:
        checked = in_the_foreground(
            lambda reader: _verify_and_record(reader, outside, report, is_since_last=is_since_last), without_words=True
        )
    for finding in checked.findings:
        print_json({"finding": finding.said}) if as_json else click.echo(f"FOUND  {finding.said}")
    if as_json:
        verdict = "differs" if checked.findings else "matches"
        print_json({**_counts(checked.verification), "findings": len(checked.findings), "verdict": verdict})
    elif not checked.findings:
        click.echo(_all_fits(checked.verification))
    if checked.findings:
        raise click.exceptions.Exit(1)


def _all_fits(found: Verification) -> str:
    since = f" after the first {found.beyond:,}" if found.beyond else ""
    return (
        f"{found.origin}: {found.rows:,} events{since}, {found.size:,} in the tree, "
        f"{found.checkpoints:,} checkpoints: all of it fits"
    )


def _counts(found: Verification) -> dict[str, object]:
    return {name: getattr(found, name) for name in ("origin", "rows", "beyond", "size", "checkpoints")}


async def _verify_and_record(
    reader: Reader, outside: list[tuple[str, str]], report: Report, *, is_since_last: bool
) -> RecordChecked:
    if wiring.create_key_ring(reader.settings) is None:
        click.echo("Signatures are not checked: the key is not at hand (AUDIT_KEY).", err=True)
    since = await _last(reader) if is_since_last else None
    try:
        checked = await _check(reader, outside, report, since)
    except (AnchorUnavailable, NoTree) as error:
        raise click.ClickException(f"{error}.") from None
    await _put_verification_on_record(reader, checked.verification)
    return checked


async def _check(
    reader: Reader, outside: list[tuple[str, str]], report: Report, since: RecordedVerification | None
) -> RecordChecked:
    check = wiring.create_record_check(reader.settings, reader.reads.log)
    slices = wiring.create_slices(reader.reads.database, rests=False)
    run = functools.partial(
        check.run, slices, reader.settings.database_url, outside=outside, since=since, report=report
    )
    if since is not None or not await reader.is_on_standby():
        return await run()
    async with scratch_database() as scratch:
        return await run(compare=lambda fold, dsn, report, *, rest: verify_standby(fold, dsn, scratch, report))


async def _last(reader: Reader) -> RecordedVerification | None:
    async with reader.reads.database.connection() as connection:
        last = await last_verification(connection, is_good=True)
    if last is None:
        click.echo("No verification that found nothing is on record: everything is checked.", err=True)
    else:
        at = moment(last.verified_at)
        click.echo(f"Since the verification of {at}, of {last.verification.size:,} events.", err=True)
    return last


async def _put_verification_on_record(reader: Reader, verification: Verification) -> None:
    """Where this command may write. On a standby, or for a role that only reads, the result is shown and no more."""
    try:
        async with wiring.open_core(reader.settings) as core:
            await core.record.record_verification(verification)
    except (StoreError, asyncpg.PostgresError) as error:
        click.echo(f"The result is not on record: {error}.", err=True)


def _files(folder: Path | None) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.is_file()) if folder is not None else []


def _verify_file(file: Path, policy: Path, export: Path | None) -> None:
    try:
        text, trusted = file.read_text(encoding="utf-8"), policy.read_text(encoding="utf-8")
        if is_heads_file(text):
            shown = verify_heads(text, trusted, export)
        elif export is not None:
            raise click.UsageError("--export goes with a statement of heads.")
        else:
            shown = check_proof(text, TrustPolicy(trusted))  # type: ignore[no-untyped-call]
    except (ProofRefused, HeadsRefused, OSError, UnicodeDecodeError) as error:
        click.echo(f"REFUSED   {error}", err=True)
        raise click.exceptions.Exit(1) from None
    click.echo("\n".join(["VERIFIED", *shown]))
