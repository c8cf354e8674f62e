"""`onrecord audit heads`: signs what was the newest of each room."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from audit.heads.heads_seen import HeadsSeen, differences
from audit.heads.statement import SUFFIX, HeadsFile
from audit.heads.trust import HeadsRefused, TrustedHeads, trusted_heads
from audit.proofs.policy import BadPolicy, parse_policy
from audit.signing.notes import BadNote
from cli.support.log_reader import Reader, read
from cli.support.signed_log import state_heads
from replay.archive.archive_reader import Archive, ArchiveRefused


@click.command()
@click.argument("rooms", nargs=-1, metavar="[ROOM]...")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
def heads(rooms: tuple[str, ...], output: Path | None) -> None:
    """Write and sign how many events each room has, or each of these rooms, in the last checkpoint. Whoever gets the
    events of a room can tell by it that none is missing at the end.

    The file names rooms by their ids. Without ROOM it has all streams of the log, also the record of custody. All rows
    are read first: nothing is signed unless they are those of the checkpoint.

    \b
    onrecord audit heads
    onrecord audit heads General Bugs -o two-rooms.heads
    """

    async def run(reader: Reader) -> None:
        stated = await state_heads(reader, [await reader.reads.time_travel.room_id(room) for room in rooms])
        size = stated.heads.checkpoint.size
        file = output or Path(f"{size}{SUFFIX}")
        await asyncio.to_thread(file.write_text, str(stated), encoding="utf-8")
        click.echo(f"{file}: {len(stated.heads.versions):,} streams in {size:,} events")

    read(run)


def verify_heads(text: str, policy: str, export: Path | None) -> list[str]:
    """Lines that say what a statement of heads says, and that an export has all of it. Raises HeadsRefused."""
    try:
        trusted = trusted_heads(HeadsFile.parse(text), parse_policy(policy))
    except (BadNote, BadPolicy) as error:
        raise HeadsRefused(str(error)) from error
    lines = list(_lines(trusted))
    if export is not None:
        seen = HeadsSeen(trusted.heads.checkpoint.size)
        try:
            seen.add_all(event[:5] for event in Archive(export))
        except ArchiveRefused as error:
            raise HeadsRefused(str(error)) from error
        if found := differences(trusted.heads, seen):
            raise HeadsRefused(f"{export.name}: {'; '.join(found)}")
        lines.append(f"export    {export.name} has all of it")
    return lines


def _lines(trusted: TrustedHeads) -> Iterator[str]:
    heads = trusted.heads
    yield f"log       {heads.checkpoint.origin}, {heads.checkpoint.size:,} events"
    for name, seconds in sorted(trusted.stated_at.items()):
        yield f"stated    {name}, {datetime.fromtimestamp(seconds, UTC).isoformat()}"
    for name, seconds in sorted(trusted.cosigned_at.items()):
        yield f"seen by   {name}, {datetime.fromtimestamp(seconds, UTC).isoformat()}"
    yield f"heads     {'all' if heads.is_all else 'some'}, {len(heads.versions):,} streams"
    for stream in sorted(heads.versions):
        yield f"head      {stream}, version {heads.versions[stream]}"
