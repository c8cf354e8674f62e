"""The errands: each one command, one clear answer, one exit code."""

import asyncio
import re
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner, Result

from api.accounts.demo import ADMIN, PEOPLE, logins
from cli.main import main
from tests.integration.conftest import StartServer, Visit
from tests.support.conditions import eventually
from tests.support.people import PASSWORD, Person

Run = Callable[..., Result]


@pytest.fixture
def onrecord(database_url: str, tmp_path: Path) -> Run:
    """Runs a command on the test's database."""

    def run(*arguments: str, **environment: str) -> Result:
        settings = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path), **environment}
        return CliRunner(env=settings).invoke(main, list(arguments))

    return run


def test_user_create_prints_the_id_of_a_user_who_can_log_in(onrecord: Run) -> None:
    created = onrecord("user", "create", "ada", "--password", PASSWORD)
    assert (created.exit_code, created.stdout) == (0, "1\n")
    again = onrecord("user", "create", "Ada", "--password", PASSWORD)
    assert (again.exit_code, again.stderr) == (1, "Error: username: A user with that username already exists.\n")


async def test_roles_are_given_and_taken_and_hold_at_once(onrecord: Run, visit: Visit) -> None:
    options = ("--password", PASSWORD, "--admin")
    assert (await in_a_thread(onrecord, "user", "create", "grace", *options)).exit_code == 0
    grace, ada = await visit(), await visit("ada")
    await grace.log_in("grace")

    async def is_admitted(person: Person) -> bool:
        return (await person.get("/operations/")).status == 200

    async def is_refused(person: Person) -> bool:
        return (await person.get("/operations/")).status == 403

    assert await is_admitted(grace)
    assert await is_refused(ada)
    given = await in_a_thread(onrecord, "user", "role", "ada", "admin")
    assert (given.exit_code, given.stdout) == (0, "ada is an admin\n")
    await eventually(lambda: is_admitted(ada))
    taken = await in_a_thread(onrecord, "user", "role", "ada", "user")
    assert (taken.exit_code, taken.stdout) == (0, "ada is a user\n")
    await eventually(lambda: is_refused(ada))
    nobody = await in_a_thread(onrecord, "user", "role", "nobody", "admin")
    assert (nobody.exit_code, nobody.stderr) == (1, "Error: No such user: nobody.\n")


def test_room_create_prints_the_id_of_a_room_of_its_owner(onrecord: Run) -> None:
    onrecord("user", "create", "ada", "--password", PASSWORD)
    created = onrecord("room", "create", "Engines", "--owner", "ada")
    assert (created.exit_code, str(uuid.UUID(created.stdout.strip()))) == (0, created.stdout.strip())
    for arguments, error in (
        (("Engines", "--owner", "ada"), "Error: A room with this name already exists.\n"),
        ((" ", "--owner", "ada"), "Error: name: This field may not be blank.\n"),
        (("Bugs", "--owner", "nobody"), "Error: No such user: nobody.\n"),
    ):
        refused = onrecord("room", "create", *arguments)
        assert (refused.exit_code, refused.stderr) == (1, error)


async def test_demo_seeds_once_however_often_it_runs(onrecord: Run, visit: Visit, start_server: StartServer) -> None:
    for _ in range(2):
        seeded = await in_a_thread(partial(onrecord, DEMO="yes"), "demo")
        assert (seeded.exit_code, seeded.stdout) == (0, f"demo logins: {logins(list(PEOPLE), ADMIN)}\n")
    ada = await visit(at=await start_server(demo="yes"))
    await ada.log_in("ada", "demo")
    rooms = (await ada.get("/api/rooms/")).body["results"]
    assert sorted(room["name"] for room in rooms) == ["Bugs", "Engines", "General"]
    assert {room["member_count"] for room in rooms} == {4}
    assert all(room["last_message"] for room in rooms)
    assert (await ada.get("/api/feed/")).body["position"] == 3 + 3 * 4 + 10


async def test_demo_makes_a_room_of_any_size(onrecord: Run, visit: Visit, start_server: StartServer) -> None:
    onrecord = partial(onrecord, DEMO="yes")
    made = await in_a_thread(onrecord, "demo", "--room-size", "3", "--name", "Trio")
    bigger = await in_a_thread(onrecord, "demo", "--room-size", "12000")
    assert (made.exit_code, bigger.exit_code) == (0, 0), (made.exception, bigger.exception)
    member = await visit(at=await start_server(demo="yes"))
    await member.log_in("member-3", "demo")
    trio = (await member.get(f"/api/rooms/{made.stdout.strip()}/")).body
    assert (trio["name"], trio["member_count"], trio["version"]) == ("Trio", 3, 4)
    await member.log_in("member-12000", "demo")
    room = (await member.get(f"/api/rooms/{bigger.stdout.strip()}/")).body
    assert (room["name"], room["member_count"], room["version"]) == ("Room of 12000", 12000, 12001)
    taken = await in_a_thread(onrecord, "demo", "--room-size", "3", "--name", "Trio")
    assert (taken.exit_code, taken.stderr) == (1, "Error: A room with this name already exists.\n")


async def test_db_init_creates_the_schema_and_may_be_repeated(onrecord: Run, database_url: str) -> None:
    admin = await asyncpg.connect(database_url)
    await admin.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    first = await in_a_thread(onrecord, "db", "init")
    again = await in_a_thread(onrecord, "db", "init")
    assert first.stdout.splitlines()[0] == "applied 0001 log"
    assert first.stdout.splitlines()[-1] == "the schema is up to date"
    assert (again.exit_code, again.stdout) == (0, "the schema is up to date\n")
    assert await admin.fetchval("SELECT count(*) FROM stored_events") == 0
    await admin.close()


def test_fanout_lanes_shows_the_lanes_and_resizes_them(onrecord: Run) -> None:
    onrecord("demo", DEMO="yes")
    one = onrecord("fanout", "lanes")
    assert (one.exit_code, one.stdout) == (0, "fanout-0  position 0  behind 25  last held by no process  publishing\n")
    three = onrecord("fanout", "lanes", "3")
    assert (three.exit_code, len(three.stdout.splitlines())) == (0, 3)
    assert onrecord("fanout", "lanes").stdout == three.stdout
    refused = onrecord("fanout", "lanes", "0")
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)


async def test_fanout_lanes_that_cannot_come_together_are_left_as_they_were(onrecord: Run, database_url: str) -> None:
    await in_a_thread(onrecord, "fanout", "lanes", "2")
    admin = await asyncpg.connect(database_url)
    await admin.execute("UPDATE fanout_lanes SET position = 7, paused = true WHERE lane = 1")
    refused = await in_a_thread(onrecord, "fanout", "lanes", "4", "--timeout", "0.2")
    assert (refused.exit_code, refused.stderr) == (1, "Error: not at position 7 yet: fanout-0, fanout-1\n")
    shown = await in_a_thread(onrecord, "fanout", "lanes")
    assert [line.split("  ")[-1] for line in shown.stdout.splitlines()] == ["publishing", "paused"]
    await admin.close()


def test_db_url_prints_the_database_in_use(onrecord: Run, database_url: str) -> None:
    assert onrecord("db", "url").stdout == f"{database_url}\n"
    missing = onrecord("db", "url", DATABASE_URL="")
    assert (missing.exit_code, missing.stderr.count("\n")) == (1, 1)


@pytest.mark.parametrize(
    ("environment", "error"),
    [
        ({"PORT": "many"}, "Error: PORT: Expected int, got str\n"),
        ({"TRUSTED_PROXIES": "10.0.0.1/8"}, "Error: TRUSTED_PROXIES: 10.0.0.1/8 has host bits set\n"),
        (
            {"CENTRIFUGO_API_URL": "http://centrifugo/api"},
            "Error: CENTRIFUGO_API_KEY: required with CENTRIFUGO_API_URL\n",
        ),
        ({"DATABASE_URL": "postgresql://localhost:1/none"}, "Error: the database is not available"),
    ],
    ids=str,
)
def test_what_cannot_work_is_one_clear_line(onrecord: Run, environment: dict[str, str], error: str) -> None:
    for arguments in (("serve",), ("db", "init"), ("demo",)):
        result = onrecord(*arguments, **{"PORT": "0", "DEMO": "yes", **environment})
        assert (result.exit_code, result.stderr.count("\n")) == (1, 1), result.output
        assert result.stderr.startswith(error)


def test_a_wrong_use_exits_with_2_and_says_what_is_right(onrecord: Run) -> None:
    for command in (
        "nonsense",
        "--nonsense",
        "demo --room-size 0",
        "demo --name x",
        "room create x",
        "events show x y",
    ):
        result = onrecord(*command.split())
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.stderr
        assert re.match(r"Error: .*\. See `onrecord.* --help`\.\n", result.stderr)


def test_every_command_has_help_with_an_example(onrecord: Run) -> None:
    accounts, data = (("user", "create"), ("user", "role")), (("db", "init"), ("db", "url"))
    for command in ((), ("serve",), ("demo",), *accounts, ("room", "create"), *data, ("fanout", "lanes")):
        result = onrecord(*command, "--help")
        assert result.exit_code == 0
        assert re.search(rf"^\s+.*onrecord (db )?{' '.join(command)}", result.stdout, re.MULTILINE)


async def in_a_thread(onrecord: Run, *arguments: str) -> Result:
    """A command runs an event loop of its own."""
    return await asyncio.to_thread(onrecord, *arguments)
