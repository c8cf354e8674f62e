"""kill -9 of every command at every step: what is on record and its effect are both there, or both are not.

A first run looks at what is there after each step; a process that dies there leaves just that. So of steps that follow
one another without a change, `make test` has the command die at one, and of many changes at some. `KILLS=all`, as in
`make soak`, has it die at each step.
"""

import asyncio
import gc
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psycopg
import pytest
from click.testing import CliRunner

from api.schema import bring_up_to_date
from cli.main import main
from postgres.embedded import EmbeddedPostgres
from tests.conftest import database_named, scratch_folder
from tests.support.every_command import OF_A_SIGNED_LOG, OF_AUDITORS, READING, commands
from tests.support.killing import prepared
from tests.support.killing.command import HALFWAY, Place, Ran
from tests.support.killing.state import State, changed, gaps
from tests.support.realtime.server import configuration, running

pytestmark = pytest.mark.timeout(900)

EVERY_STEP = os.environ.get("KILLS") == "all"
MOST = 3
"""How often a command dies, unless at each step."""

ELSEWHERE = {"serve"}
"""Killed by the fault run and the tests of each part of it."""

KILLED = sorted(set(commands()) - READING - OF_AUDITORS - OF_A_SIGNED_LOG - ELSEWHERE)

IN_STEPS = {
    "audit reapply": "a request after the other",
    "audit restart": "the event, then the epoch: the next restart completes it",
    "audit scrub": "a table after the other",
    "db init": "a migration after the other",
    "db restore": "the dump, then what the schema lacks",
    "demo": "an account and an event after the other",
    "events import": "a page after the other",
    "message erase": "the request, the erasure, the ledger, the outcome: the service goes on with a request",
    "projections rebuild": "a page after the other",
    "room erase": "as of a message",
    "user deactivate": "the account, then its rooms get other owners",
    "user erase": "the account, then as of a message",
}
"""Commands that take effect in several steps, and why. The first puts it on record."""

SEALS = {"operator_actions", "seals", "seal_heads"}
"""What changes with each operator action."""


@dataclass(frozen=True)
class Databases:
    """Makes databases: as they are prepared, and copies of them."""

    postgres: EmbeddedPostgres
    folder: Path
    realtime: Mapping[str, str]

    def make(self, name: str, template: str, files: Path | None = None) -> Place:
        with psycopg.connect(self.postgres.dsn, autocommit=True) as server:
            server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            server.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        if files is not None:
            shutil.copytree(files, folder)
        else:
            (folder / "data").mkdir(parents=True)
        return Place(name, database_named(name, self.postgres), folder, self.postgres.dsn, self.realtime)

    def copy(self, of: Place) -> Place:
        return self.make("copy", of.name, of.folder)


@pytest.fixture(scope="module")
def databases(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """With a real-time server for commands that publish."""
    with running("hub", tmp_path_factory.mktemp("hub"), configuration()) as realtime, scratch_folder() as folder:
        yield Databases(postgres, folder, realtime.app_environment)


@pytest.fixture(scope="module")
def without_rows(databases: Databases) -> Place:
    """With today's schema and nothing else."""

    async def bring_up(dsn: str) -> None:
        connection = await asyncpg.connect(dsn)
        await bring_up_to_date(connection)
        await connection.close()

    place = databases.make("killed_without_rows", "template0")
    asyncio.run(bring_up(place.dsn))
    return place


@pytest.fixture(scope="module")
def full(databases: Databases, without_rows: Place) -> Place:
    """In which every command finds something to do."""
    place = databases.make("killed_full", without_rows.name, without_rows.folder)
    prepared.populate(place.dsn, place.folder)
    for command in prepared.FILES:
        succeeded(place.run([word.format(place.folder) for word in command]))
    warm_up(place)
    return place


def warm_up(place: Place) -> None:
    """Do once here what each forked process would do again, and have none copy more memory than it must."""
    ran = CliRunner(env=prepared.environment(place.dsn, place.folder, place.realtime)).invoke(main, ["audit", "status"])
    assert ran.exit_code == 0, ran.output
    gc.collect()
    gc.freeze()


@pytest.fixture
def start(words: str, databases: Databases, full: Place, without_rows: Place) -> Place:
    """What the command finds."""
    if words in prepared.EMPTY:
        return databases.make("killed_start", "template0", full.folder)
    if words not in prepared.MORE_IS_NEEDED:
        return full
    template = without_rows if words in prepared.WITHOUT_ROWS else full
    place = databases.make("killed_start", template.name, full.folder)
    if words in prepared.BEFORE:
        succeeded(place.run(prepared.BEFORE[words]))
    if words in prepared.STATEMENTS:
        with psycopg.connect(place.dsn) as connection:
            connection.execute(prepared.STATEMENTS[words])
    if words in prepared.RESTORED:
        erased = databases.copy(place)
        succeeded(erased.run(prepared.RESTORED[words]))
        shutil.copytree(erased.folder, place.folder, dirs_exist_ok=True)
    return place


def succeeded(ran: Ran) -> None:
    assert ran.code == 0, ran.output


def chosen(before: State, states: Sequence[State | None]) -> list[int]:
    """The steps at which a command dies, from 1: just before the first change, after each change, and while a program
    reads.
    """
    if EVERY_STEP:
        return list(range(1, len(states) + 1))
    at_change, halfway, now = [], [], before
    for step, state in enumerate(states, start=1):
        if state is not None and HALFWAY in state:
            halfway.append(step)
        elif state is not None and state != now:
            at_change.append(step)
            now = state
    first = at_change[0] - 1 if at_change else 1
    steps = [*([first] if first else []), *at_change]
    if len(steps) > MOST:
        steps = [*steps[:: -(-len(steps) // (MOST - 1))], steps[-1]]
    return sorted({*steps, *halfway})


@pytest.mark.parametrize("words", KILLED)
def test_a_command_that_is_killed_leaves_all_or_nothing_and_can_be_repeated(
    words: str, start: Place, databases: Databases
) -> None:
    before = start.state()
    whole = databases.copy(start)
    ran = whole.run(prepared.arguments(words, whole.folder), looks=True)
    succeeded(ran)
    effect = changed(before, whole.state())
    assert effect, "it does nothing"
    place: Place | None = None
    complete = whole
    for step in chosen(before, ran.states):
        place = place or databases.copy(start)
        command = prepared.arguments(words, place.folder)
        killed = place.run(command, dies_at=step)
        if killed.code is not None:  # it took fewer steps this time
            succeeded(killed)
            complete = place
            break
        left = changed(before, place.state())
        if not left:
            continue  # it dies here again, at a later step
        check_left(words, left, effect, step)
        check_repeated(place.run(prepared.REPEATED.get(words, command)), step)
        lacking = effect - changed(before, place.state())
        assert not lacking - prepared.ADDED_TO, (step, "not there after the command was repeated", lacking)
        if EVERY_STEP:
            check_all_fits(words, place)
        complete = place
        place = None
    check_all_fits(words, complete)


def check_left(words: str, left: set[str], effect: set[str], step: int) -> None:
    """All of the effect or nothing, or in steps, and then on record first."""
    of_tables = {name for name in left if not name.startswith("file ")}
    if words not in IN_STEPS:
        assert not of_tables or of_tables >= {name for name in effect if not name.startswith("file ")}, (
            f"killed at step {step}, it left {sorted(left)} of {sorted(effect)}"
        )
    elif "operator_actions" in effect:
        assert not of_tables - SEALS or "operator_actions" in left, f"killed at step {step}, it left {sorted(left)}"


def check_repeated(ran: Ran, step: int) -> None:
    """It succeeds, or says in one line why not."""
    last = ran.output.splitlines()[-1]
    assert ran.code == 0 or (ran.code == 1 and last.startswith("Error: ")), (step, ran.output)


def check_all_fits(words: str, place: Place) -> None:
    assert gaps(place.dsn) == []
    if words in prepared.AFTERWARDS:
        succeeded(place.run(prepared.AFTERWARDS[words]))
    verify = ["projections" if words in prepared.WITHOUT_TREE else "audit", "verify"]
    succeeded(place.run(verify))
