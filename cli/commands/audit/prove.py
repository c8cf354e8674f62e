"""`onrecord audit prove`: a file by which anybody checks offline that an event was recorded."""

import re
from pathlib import Path

import click

from audit.proofs import proving
from audit.proofs.proof import SUFFIX
from audit.proofs.proving import NotProvable
from cli.support.log_reader import Reader, read
from cli.support.numbers import POSITION
from eventstore.values import Position


@click.command()
@click.argument("place", nargs=-1, required=True, metavar="POSITION | ROOM VERSION")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
@click.pass_context
def prove(ctx: click.Context, place: tuple[str, ...], output: Path | None) -> None:
    """Write a proof that an event was recorded in its place of the log, by whom, when and with which words.

    Whoever has the file and the public key of the log checks it without this service, with one script: docs/audit.md.

    \b
    onrecord audit prove 744
    onrecord audit prove General 17 -o message.tlog-proof
    """
    if len(place) > 2:
        raise click.UsageError("Give a position of the log, or a room and a version.")
    number = int(POSITION(place[-1], None, ctx))
    file = output or Path(re.sub(r"[^\w.-]+", "-", "-".join(place))).with_suffix(SUFFIX)

    async def run(reader: Reader) -> None:
        async with reader.reads.database.connection() as connection:
            if len(place) == 1:
                proof = await proving.prove_position(Position(number), connection)
            else:
                room_id = await reader.reads.time_travel.room_id(place[0])
                proof = await proving.prove_version(room_id, number, connection)
        file.write_text(str(proof), encoding="utf-8")
        click.echo(f"{file}: entry {proof.index}")

    try:
        read(run)
    except NotProvable as error:
        raise click.ClickException(f"{error}.") from error
