"""`onrecord audit`: the tree over the log, what the log holds of people's words, and what can be erased."""

from datetime import datetime

import click
import msgspec

from api import wiring
from api.erasure.withholding import refuse_returned
from api.pages.text import span
from cli.commands.audit.heads import heads
from cli.commands.audit.key import key
from cli.commands.audit.monitor import monitor
from cli.commands.audit.prove import prove
from cli.commands.audit.reapply import reapply
from cli.commands.audit.restart import restart
from cli.commands.audit.rotate import rotate
from cli.commands.audit.scrub import scrub_
from cli.commands.audit.verify import verify
from cli.commands.audit.witness import witness
from cli.support.log_reader import Reader, read
from cli.support.numbers import limit_option
from cli.support.output import (
    RoomNames,
    Users,
    moment,
    name_of,
    one_line,
    print_fields,
    print_json,
    room_of,
    user_of,
)
from eventstore.errors import ContentWithheld
from projections.readmodels.custody.queries import Request, read_requests
from replay.investigate.last_verification import LastVerification
from replay.investigate.tree_status import TreeStatus, WitnessStatus
from replay.investigate.words_status import WordsStatus, read_words_status


@click.group()
def audit() -> None:
    """The proof of the record: its tree, its keys, its witnesses, its verification; and what can be erased."""


@audit.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def status(as_json: bool) -> None:
    """Show the tree over the log and its witnesses, and count what people typed: texts that can be erased, texts that
    were, and texts that cannot be.

    The tree follows the log within two seconds. The last line about it says in a sentence whether all is well, or what
    is not. Witnesses are those of AUDIT_POLICY. When the next verification is due follows from AUDIT_VERIFY_EVERY: give
    this command the settings of the service.

    It works also while words are withheld after a backup was restored, and says so; then it names no room.

    Events from before words stood apart from the log hold their words, and so do those that other applications record.
    The log never changes, so these cannot be erased. They are named by room.

    \b
    onrecord audit status
    """

    async def run(reader: Reader) -> None:
        database = reader.reads.database
        tree = await wiring.create_tree_status(reader.settings, database).read()
        found = await read_words_status(database)
        withheld = await _withheld(reader)
        if withheld is not None:  # names of rooms are words
            unnamed = [msgspec.structs.replace(room, name="") for room in found.plain_rooms]
            found = msgspec.structs.replace(found, plain_rooms=unnamed)
        if as_json:
            print_json({"tree": tree, **msgspec.structs.asdict(found), "withheld": withheld})
        else:
            _print_tree(tree, verify_every=reader.settings.audit_verify_every)
            _print(found)
            if withheld is not None:
                print_fields([("withheld", f"{withheld}; names of rooms are left out here")])

    read(run, without_words=True)


async def _withheld(reader: Reader) -> str | None:
    """Why the service serves nothing, as after a backup was restored; None where it serves."""
    lines = list(wiring.create_ledger(reader.settings).read())
    try:
        async with reader.reads.database.connection() as connection:
            await refuse_returned(lines, connection)
    except ContentWithheld as error:
        return str(error)
    return None


audit.add_command(heads)
audit.add_command(key)
audit.add_command(monitor)
audit.add_command(prove)
audit.add_command(restart)
audit.add_command(rotate)
audit.add_command(scrub_)
audit.add_command(verify)
audit.add_command(witness)
audit.add_command(reapply)


@audit.command()
@click.option("--all", "with_done", is_flag=True, help="Those of which nothing waits any more, too.")
@limit_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def requests(with_done: bool, limit: int, as_json: bool) -> None:
    """List requests to erase of which something waits, newest first: what was asked for, by whom and why, how much was
    erased, how much is kept, by which holds and rules, and until when.

    \b
    onrecord audit requests
    onrecord audit requests --all --json
    """

    async def run(reader: Reader) -> None:
        async with reader.reads.database.connection() as connection:
            found = await read_requests(connection, with_done=with_done, limit=limit)
        if as_json:
            for each in found:
                print_json(each)
            return
        people = {user_id for each in found for user_id in (each.requested_by, each.person_id) if user_id is not None}
        users = await reader.names(people)
        rooms = await reader.room_names(each.room_id for each in found if each.room_id is not None)
        for each in found:
            _print_request(each, users, rooms)

    read(run)


def _print_request(each: Request, users: Users, rooms: RoomNames) -> None:
    if each.person_id is not None:
        asked = f"what {user_of(each.person_id, users)} typed"
    else:
        asked = f"words in {room_of(each.room_id, rooms) if each.room_id is not None else ''}"
    keepers = [*(f"hold {hold}" for hold in each.holds), *(f"rule {rule}" for rule in each.rules)]
    until = f" until {moment(each.until)}" if each.until is not None else ""
    kept = f", {each.held:,} kept by {', '.join(keepers)}{until}" if each.held else ""
    when = f"{moment(each.requested_at)} by {name_of(each.requested_by, users)}: {one_line(each.why)}"
    state = "" if each.carried_out_at is not None else ", not carried out yet"
    click.echo(f"{each.request}  {asked}: {each.erased:,} erased{kept}{state}  {when}")


def _print_tree(tree: TreeStatus, *, verify_every: str) -> None:
    last = tree.checkpoint
    behind = f"{tree.lag_events:,} behind the log, for {span(tree.lag_s)}" if tree.lag_events else "up to date"
    signed = f"{last.size:,} events, {span(last.age_s)} ago" if last is not None else "none signed yet"
    print_fields(
        (
            ("tree", f"{tree.size:,} events in {tree.origin}, {behind}" if tree.epoch else "not begun"),
            ("epoch", tree.epoch),
            ("checkpoint", signed),
            *([("key", f"{tree.key}{_coming(tree.next_key)}")] if tree.key else []),
            ("verified", _verified(tree.verification, tree.verification_due)),
            ("verify every", f"{verify_every}: the AUDIT_VERIFY_EVERY of this shell; the service may have another"),
            *((f"witness {each.name}", _cosigned(each)) for each in tree.witnesses),
            *([] if tree.witnesses else [("witnesses", "none is asked")]),
            ("state", tree.summary),
        )
    )


def _coming(key: str | None) -> str:
    return f"; {key} after the next checkpoint" if key is not None else ""


def _verified(last: LastVerification | None, due: str | None) -> str:
    coming = f"; due {moment(datetime.fromisoformat(due))}" if due is not None else ""
    if last is None:
        return f"no full verification is on record{coming}"
    at = moment(datetime.fromisoformat(last.at))
    return f"{last.size:,} events, {at}: {last.findings or 'nothing'} found{coming}"


def _cosigned(witness: WitnessStatus) -> str:
    problem = f"; now not: {witness.problem}" if witness.problem is not None else ""
    if witness.age_s is None:
        return f"nothing cosigned{problem}"
    return f"{witness.size:,} events cosigned, {span(witness.age_s)} ago{problem}"


def _print(found: WordsStatus) -> None:
    print_fields(
        (
            ("sealed", f"{found.sealed:,} texts apart from the log, which can be erased"),
            ("erased", f"{found.erased:,}"),
            ("plain", f"{found.plain:,} texts in the log itself, which cannot be erased"),
            ("of others", f"{found.of_others:,} events of other applications, not looked into"),
            (
                "custody",
                f"{found.custody:,} reasons and names of cases in the record of custody, which no command erases",
            ),
            ("operators", f"{found.operators:,} reasons in `onrecord actions`, which no command erases"),
        )
    )
    for room in found.plain_rooms:
        click.echo(f"{room.events:>10,}  plain in {room.room_id}  {one_line(room.name)}")
