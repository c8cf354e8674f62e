"""`onrecord audit verify`: checks a proof file offline, or the whole record."""

import asyncio
from pathlib import Path

import click

from api import wiring
from audit.checking.tree_check import TreeChecked, check_tree
from audit.heads.statement import is_heads_file
from audit.heads.trust import HeadsRefused
from audit.signing.anchor import AnchorUnavailable
from audit.tree import store
from audit.verify import ProofRefused, TrustPolicy
from audit.verify import check as check_proof
from cli.commands.audit.heads import verify_heads
from cli.commands.projections import verify_projections
from cli.support.log_reader import Reader
from cli.support.output import print_json
from cli.support.progress_bar import progress
from cli.support.servers.foreground import in_the_foreground, interruptible
from domain.room.erasing import ContentErased

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
@click.option("--export", type=FILE, help="With a statement of heads: an export that is to have all of it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def verify(file: Path | None, policy: Path | None, folder: Path | None, export: Path | None, as_json: bool) -> None:
    """Check the whole record: rows and words against the tree, the tree against every checkpoint in the database, in
    the anchor and in a folder, and read models and snapshots against the log. Each finding is a line; then exit code 1.

    With FILE: check one proof file, or one statement of heads, without a database and without this service.

    \b
    onrecord audit verify
    onrecord audit verify --from kept-checkpoints
    onrecord audit verify General-17.tlog-proof --policy policy.txt
    onrecord audit verify log.jsonl.gz.heads --policy policy.txt --export log.jsonl.gz
    """
    if file is not None:
        if policy is None or folder is not None:
            raise click.UsageError("FILE goes with --policy, and not with --from.")
        _verify_file(file, policy, export)
    elif policy is not None or export is not None:
        raise click.UsageError("--policy and --export go with FILE.")
    else:
        _verify_record(folder, as_json=as_json)


def _verify_record(folder: Path | None, *, as_json: bool) -> None:
    outside = [(each.name, each.read_text(encoding="utf-8", errors="replace")) for each in _files(folder)]
    with interruptible("nothing was changed"), progress("verify") as report:
        checked = in_the_foreground(lambda reader: _verify_tree(reader, outside), without_words=True)
        others = in_the_foreground(lambda reader: verify_projections(reader, report), without_words=True)
    findings = [*checked.findings, *others]
    for finding in findings:
        print_json({"finding": finding}) if as_json else click.echo(f"FOUND  {finding}")
    if as_json:
        print_json({**_counts(checked), "findings": len(findings), "verdict": "differs" if findings else "matches"})
    elif not findings:
        click.echo(
            f"{checked.origin}: {checked.rows:,} events, {checked.size:,} of them in the tree, "
            f"{checked.checkpoints:,} checkpoints: all of it fits"
        )
    if findings:
        raise click.exceptions.Exit(1)


def _files(folder: Path | None) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.is_file()) if folder is not None else []


def _counts(checked: TreeChecked) -> dict[str, object]:
    return {name: getattr(checked, name) for name in ("origin", "rows", "size", "checkpoints")}


def _verify_file(file: Path, policy: Path, export: Path | None) -> None:
    try:
        text, trusted = file.read_text(encoding="utf-8"), policy.read_text(encoding="utf-8")
        if is_heads_file(text):
            shown = verify_heads(text, trusted, export)
        elif export is not None:
            raise click.UsageError("--export goes with a statement of heads.")
        else:
            shown = list(check_proof(text, TrustPolicy(trusted)))  # type: ignore[no-untyped-call]
    except (ProofRefused, HeadsRefused, OSError, UnicodeDecodeError) as error:
        click.echo(f"REFUSED   {error}", err=True)
        raise click.exceptions.Exit(1) from None
    click.echo("\n".join(["VERIFIED", *shown]))


async def _verify_tree(reader: Reader, outside: list[tuple[str, str]]) -> TreeChecked:
    keys = wiring.create_signer_keys(reader.settings)
    try:
        # Before the snapshot, so that the database has all that was signed.
        anchored = await asyncio.to_thread(wiring.create_anchor(reader.settings).read)
    except AnchorUnavailable as error:
        raise click.ClickException(f"{error}.") from None
    async with (
        reader.reads.database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        epoch = await store.read_epoch(connection)
        if epoch is None:
            raise click.ClickException("There is no tree: the service has not run yet.")
        key = keys(epoch.origin).log if keys is not None else None
        if key is None:
            click.echo("Signatures are not checked: the key is not at hand (AUDIT_KEY).", err=True)
        return await check_tree(epoch, key, anchored, outside, connection, erasing_topic=ContentErased.TOPIC)
