"""`onrecord audit monitor`: reads the whole tree of a log, as an auditor does."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import click

from audit.heads.statement import HeadsFile
from audit.monitor.monitor import Report
from audit.monitor.monitor import monitor as read_on
from audit.monitor.published_log import LogUnavailable, PublishedLog
from audit.monitor.receipt import BadReceipt, read_receipt, write_receipt
from audit.proofs.policy import BadPolicy, Policy, parse_policy
from audit.signing.notes import BadNote

PATIENCE_S = 60.0
HEADS = "A statement of heads to compare. Reads everything, from the beginning."
TOKEN = "AUDIT_TOKEN"  # noqa: S105 - the name of a variable


@click.command()
@click.argument("url")
@click.option("--policy", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True)
@click.option("--receipt", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Kept from run to run.")
@click.option("--heads", type=click.Path(path_type=Path, exists=True, dir_okay=False), multiple=True, help=HEADS)
def monitor(url: str, policy: Path, receipt: Path, heads: tuple[Path, ...]) -> None:
    """Read what the log at URL (…/audit/1) added since the last run, and check that it is one history.

    The checkpoint must be trusted by the policy and continue the one in the receipt, the entries must be those that
    were signed, and every room must count 1, 2, 3, … once. Then the receipt is replaced. Otherwise it stays, each
    finding is a line, and the command ends with 1. The variable AUDIT_TOKEN is what the operator gave to auditors.

    \b
    onrecord audit monitor https://chat.example/audit/1 --policy policy.txt --receipt chat.receipt
    onrecord audit monitor https://chat.example/audit/1 --policy policy.txt --receipt chat.receipt --heads log.heads
    """
    try:
        stated = {str(file): HeadsFile.parse(file.read_text(encoding="utf-8")) for file in heads}
        report = asyncio.run(_run(url, parse_policy(policy.read_text(encoding="utf-8")), receipt, stated))
    except (BadPolicy, BadReceipt, BadNote, LogUnavailable, UnicodeDecodeError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    for finding in report.findings:
        click.echo(f"FOUND  {finding}")
    if report.findings:
        raise click.exceptions.Exit(1)
    assert report.receipt is not None, "nothing was found"
    counts = f"{report.added:,} entries more, {report.receipt.size:,} in all, in {report.streams:,} streams"
    click.echo(f"{report.origin}: {counts}: one history")


async def _run(url: str, policy: Policy, file: Path, stated: dict[str, HeadsFile]) -> Report:
    known = await asyncio.to_thread(read_receipt, file)
    token = os.environ.get(TOKEN, "")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=PATIENCE_S)) as http:
        report = await read_on(PublishedLog(url, http), policy, known, now=datetime.now(UTC), stated=stated)
    if report.receipt is not None:
        await asyncio.to_thread(write_receipt, file, report.receipt)
    return report
