"""`onrecord db stats`: what the disk holds."""

import click
import msgspec

from cli.support.log_reader import Reader, read
from cli.support.output import print_json
from replay.investigate.sizes import Sizes, read_sizes

SMALL = 100_000
"""Bytes; tables below are one line together, unless all are asked for."""

COLUMNS = ("rows", "bytes", "of rows", "of indexes", "other", "per event", "per message")
LINE = "{:<34}" + "{:>14}" * len(COLUMNS)


@click.command()
@click.option("--all", "shows_all", is_flag=True, help="Small tables and every index, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def stats(shows_all: bool, as_json: bool) -> None:
    """Show how much of the disk each table takes: its rows, its indexes and the rest (values too long for a row, maps
    of free space), and what that is per event of the log and per message.

    \b
    onrecord db stats
    """

    async def run(reader: Reader) -> None:
        sizes = await read_sizes(reader.reads.database)
        if as_json:
            print_json(msgspec.to_builtins(sizes))
        else:
            show(sizes, shows_all=shows_all)

    read(run, without_words=True)


def show(sizes: Sizes, *, shows_all: bool) -> None:
    """As a table."""
    click.echo(f"{sizes.events:,} events, {sizes.messages:,} messages, {sizes.bytes:,} bytes")
    click.echo(LINE.format("table", *COLUMNS))
    shown = [table for table in sizes.tables if shows_all or table.bytes >= SMALL]
    for table in shown:
        rows = f"{table.rows:,}" if table.rows is not None else "?"
        parts = (f"{part:,}" for part in (table.bytes, table.heap, table.indexes, table.other))
        click.echo(LINE.format(table.name, rows, *parts, *_shares(table.bytes, sizes)))
        for index in table.by_index if shows_all else ():
            click.echo(LINE.format(f"  {index.name}", "", f"{index.bytes:,}", *[""] * 3, *_shares(index.bytes, sizes)))
    if rest := sizes.bytes - sum(table.bytes for table in shown):
        count = len(sizes.tables) - len(shown)
        click.echo(LINE.format(f"{count} small tables", "", f"{rest:,}", *[""] * 3, *_shares(rest, sizes)))
    click.echo(LINE.format("all", "", f"{sizes.bytes:,}", *[""] * 3, *_shares(sizes.bytes, sizes)))


def _shares(size: int, sizes: Sizes) -> tuple[str, str]:
    """Bytes per event and per message; a dash while there are none."""
    return _share(size, sizes.events), _share(size, sizes.messages)


def _share(size: int, count: int) -> str:
    return f"{size / count:,.1f}" if count else "-"
