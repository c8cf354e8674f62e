"""Backup, restore and move of a database, by the commands that docs/operations.md has for them, as they stand there."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from yarl import URL

from postgres.embedded import EmbeddedPostgres
from tests.conftest import database_like, quick_place
from tests.support.debians_postgres import as_superuser, needs_postgres, running_postgres
from tests.support.documents import blocks
from tests.support.embedded import data_folder, refused
from tests.support.people import Person
from tests.support.serving import ONRECORD, Service, serving

DOCUMENTED_URL = "postgresql://onrecord:secret@db.example/onrecord"
SERVE = "onrecord serve\n"
THERE = "there is a & in 100 % of it"


BACK_UP, RESTORE, RESTORE_ON_A_NEW_MACHINE = blocks("### The embedded database")
MOVE, *_, MOVE_LOG_AND_ACCOUNTS = blocks("### From the embedded database to your own PostgreSQL")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where the commands are typed; DATA_DIR is its default, `var` in there."""
    with data_folder(quick_place()) as above, _stopped_at_the_end(above / "var"):
        yield above


@contextlib.contextmanager
def _stopped_at_the_end(data_dir: Path) -> Iterator[None]:
    try:
        yield
    finally:
        if (data_dir / "postgres" / "postmaster.pid").exists():
            with EmbeddedPostgres(data_dir):
                pass


async def typed(commands: str, folder: Path, **environment: str) -> str:
    """Type commands, all of which succeed; returns what they print."""
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", commands),
        cwd=folder,
        env={"PATH": f"{ONRECORD.parent}:{os.environ['PATH']}", **environment},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await shell.communicate()
    assert shell.returncode == 0, said
    return said.decode()


def before_serving(commands: str) -> str:
    """The commands up to the last, which starts the service."""
    assert commands.endswith(SERVE)
    return commands.removesuffix(SERVE)


@contextlib.asynccontextmanager
async def service_in(folder: Path, *people: Person, **environment: str) -> AsyncIterator[Service]:
    """A service that is started in `folder`, stopped at the end; `people` go there with what cookies they have."""
    async with serving(None, ONRECORD, folder, **environment) as service:
        for person in people:
            person.url = service.url
        yield service
        assert await service.stop(signal.SIGTERM) == 0


@pytest.fixture
async def eve() -> AsyncIterator[Person]:
    async with Person(URL()) as person:
        yield person


@pytest.fixture
async def ada() -> AsyncIterator[Person]:
    async with Person(URL()) as person:
        yield person


async def say(person: Person, room: str, *messages: str) -> None:
    for content in messages:
        assert (await person.post(f"/api/rooms/{room}/messages/", {"content": content})).status == 201


async def said(person: Person, room: str) -> list[str]:
    """The messages of a room, oldest first."""
    answer = await person.get(f"/api/rooms/{room}/messages/")
    assert answer.status == 200, answer.raw
    return [message["content"] for message in reversed(answer.body["results"])]


async def test_a_running_service_is_backed_up_and_restored(folder: Path, eve: Person) -> None:
    async with service_in(folder, eve):
        await eve.sign_up("eve")
        room = await eve.open_room("Backups")
        await say(eve, room, "before")
        await typed(BACK_UP, folder)
        await say(eve, room, "after")
    for file in ("onrecord.dump", "onrecord.secrets.json"):
        assert (folder / file).stat().st_mode & 0o777 == 0o600
    assert "all rows match the log" in await typed(before_serving(RESTORE), folder)
    async with service_in(folder, eve):
        assert await said(eve, room) == ["before"]
        await say(eve, room, "and it goes on")
        assert (await eve.get("/readyz")).status == 200
        assert "restore  onrecord.dump: the disk died" in await typed("onrecord actions", folder)


async def test_nothing_is_restored_under_a_server_that_runs(folder: Path, eve: Person) -> None:
    """It would go on writing to the database that was moved away, where nobody looks for it."""
    async with service_in(folder, eve) as service:
        await eve.sign_up("eve")
        room = await eve.open_room("Backups")
        await typed(BACK_UP, folder)
        await typed("mv var/postgres var/postgres.before", folder)
        dump = str(folder / "onrecord.dump")
        said = await refused("db", "restore", dump, "--why", "it died", DATA_DIR=str(folder / "var"))
        server = f"process {service.process.pid}, http://localhost:{service.url.port}"
        assert said == f"a server runs on DATA_DIR {folder}/var ({server}): stop it first"
        await typed("mv var/postgres.before var/postgres", folder)
        await say(eve, room, "and it goes on")
    await typed(before_serving(RESTORE), folder)


@pytest.mark.long
@pytest.mark.parametrize("has_secrets", [True, False])
async def test_a_backup_makes_the_service_on_a_new_machine(folder: Path, eve: Person, *, has_secrets: bool) -> None:
    async with service_in(folder, eve):
        await eve.sign_up("eve")
        room = await eve.open_room("Backups")
        await say(eve, room, "before")
    await typed(BACK_UP, folder)
    secrets = (folder / "var" / "secrets.json").read_text()
    shutil.rmtree(folder / "var")
    commands = before_serving(RESTORE_ON_A_NEW_MACHINE)
    await typed(commands if has_secrets else re.sub(r"^cp .*\n", "", commands, flags=re.MULTILINE), folder)
    async with service_in(folder, eve):
        await say(eve, room, "after")
        assert await said(eve, room) == ["before", "after"]
        assert ((folder / "var" / "secrets.json").read_text() == secrets) == has_secrets


@contextlib.asynccontextmanager
async def empty_database_of_debian() -> AsyncIterator[str]:
    """The URL of an empty database in a PostgreSQL of the machine, over TCP, for a role with a password."""
    async with running_postgres() as port:
        connection = await as_superuser(port)
        await connection.execute(f"CREATE ROLE onrecord LOGIN PASSWORD '{THERE}'")
        await connection.execute("CREATE DATABASE onrecord OWNER onrecord")
        await connection.close()
        yield f"postgresql://onrecord:{quote(THERE, safe='')}@127.0.0.1:{port}/onrecord"


@contextlib.asynccontextmanager
async def empty_database_of_todays_version(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    async with database_like("template0", "test_of_backups", postgres) as url:
        yield url


@pytest.fixture(params=["of today's version", pytest.param("of Debian", marks=needs_postgres)])
async def ones_own(request: pytest.FixtureRequest, postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """The URL of an empty database in a PostgreSQL of one's own."""
    is_debians = request.param == "of Debian"
    async with empty_database_of_debian() if is_debians else empty_database_of_todays_version(postgres) as url:
        yield url


@pytest.mark.long
async def test_the_embedded_database_moves_to_a_postgresql_of_ones_own(
    folder: Path, eve: Person, ones_own: str
) -> None:
    async with service_in(folder, eve):
        await eve.sign_up("eve")
        room = await eve.open_room("Backups")
        await say(eve, room, "before")
    commands = before_serving(MOVE).replace(DOCUMENTED_URL, f"'{ones_own}'")
    assert "all rows match the log" in await typed(commands, folder)
    async with service_in(folder, eve, DATABASE_URL=ones_own):
        assert await said(eve, room) == ["before"], "the session ended"
        await say(eve, room, "after")
        assert (await eve.get("/readyz")).status == 200
        assert not await opens(eve, "ada", "demo")


async def test_the_log_and_the_accounts_alone_move_too(folder: Path, eve: Person, ones_own: str) -> None:
    async with service_in(folder, eve):
        await eve.sign_up("eve")
        room = await eve.open_room("Backups")
        await say(eve, room, "before")
    await typed(before_serving(MOVE_LOG_AND_ACCOUNTS).replace(DOCUMENTED_URL, f"'{ones_own}'"), folder)
    async with service_in(folder, eve, DATABASE_URL=ones_own):
        assert (await eve.get("/api/rooms/")).status == 403
        await eve.log_in("eve")
        assert await said(eve, room) == ["before"]
        await say(eve, room, "after")
        assert not await opens(eve, "ada", "demo")


async def opens(person: Person, name: str, password: str) -> bool:
    """Whether a stranger at the same service can log in."""
    async with Person(person.url) as stranger:
        await stranger.get_csrf()
        answer = await stranger.post("/api/login/", {"username": name, "password": password})
        assert (answer.status, answer.body) == (400, {"detail": "invalid credentials"}) or answer.status == 200
        return answer.status == 200


async def test_demo_accounts_that_survive_a_dump_and_a_restore_are_dead_without_the_demo(
    folder: Path, eve: Person, ada: Person
) -> None:
    async with service_in(folder, eve, ada):
        await ada.log_in("ada", "demo")
        assert await opens(eve, "margaret", "demo")
        await typed(BACK_UP, folder)
    await typed(before_serving(RESTORE), folder)
    async with service_in(folder, eve, ada, DEMO="no"):
        for name in ("ada", "grace", "linus", "margaret"):
            assert not await opens(eve, name, "demo")
        assert (await ada.get("/api/rooms/")).status == 403, "a session of a demo account is alive"
        page = (await eve.get("/login/")).raw.decode()
        assert "demo-login" not in page
    async with service_in(folder, eve):
        assert await opens(eve, "margaret", "demo"), "the accounts did not survive, so nothing was tried"
