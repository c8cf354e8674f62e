"""Backup, restore, move and upgrade with docker-compose.yml: the commands of the documents, as they stand there."""

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from tests.conftest import quick_place
from tests.support.documents import blocks
from tests.support.embedded import data_folder
from tests.support.people import Person
from tests.support.production_stack import NotStarted, Rehearsal, needs_servers, rehearsing
from tests.support.realtime.official import PythonClient
from tests.support.serving import ONRECORD, serving
from tests.support.typed_docker import Docker

pytestmark = needs_servers

BACK_UP, RESTORE, RESTORE_ON_A_NEW_MACHINE = blocks("### With the compose file")
MOVE = blocks("### From the embedded database to your own PostgreSQL")[1]
(UPGRADE,) = blocks("## Upgrade")
(REBUILD,) = blocks("## Roles in the database", document="deployment.md")
PULL = "git pull\n"
MIGRATE = "docker compose run --rm migrate "
MATCHES = "all rows match the log"


@pytest.fixture
async def production() -> AsyncIterator[Rehearsal]:
    async with rehearsing() as rehearsal:
        yield rehearsal


@pytest.fixture
def docker(production: Rehearsal, tmp_path: Path) -> Docker:
    return Docker(tmp_path, production).with_env()


@pytest.fixture
async def ada(production: Rehearsal) -> AsyncIterator[Person]:
    async with Person(production.url) as person:
        yield person


async def said(person: Person, room: str) -> list[str]:
    """The messages of a room, oldest first."""
    answer = await person.get(f"/api/rooms/{room}/messages/")
    assert answer.status == 200, answer.raw
    return [message["content"] for message in reversed(answer.body["results"])]


async def say_and_hear(person: Person, room: str, content: str) -> None:
    """Post, and wait for the publication on the person's own channel, with Centrifugo's own client."""
    channel = f"personal:{person.user['id']}"
    paths = ("connection/", f"subscription/?channel={channel}")
    to_connect, to_subscribe = [(await person.get(f"/api/token/{path}")).body["token"] for path in paths]
    client = await PythonClient.start()
    try:
        await client.connect(str(person.url.with_scheme("ws") / "connection/websocket"), tokens=[to_connect])
        await client.subscribe(channel, tokens=[to_subscribe])
        answer = await person.post(f"/api/rooms/{room}/messages/", {"content": content})
        assert answer.status == 201, answer.raw
        (event,) = await client.publications(1)
        assert event["body"]["content"] == content
    finally:
        await client.close()


async def test_a_backup_is_restored_on_the_same_machine(production: Rehearsal, docker: Docker, ada: Person) -> None:
    await production.up()
    await ada.sign_up("ada")
    room = await ada.open_room("Backups")
    await say_and_hear(ada, room, "before")
    await docker.type(BACK_UP)
    for file in ("onrecord.dump", "files.tar", "onrecord.env"):
        assert (docker.folder / file).stat().st_mode & 0o777 == 0o600
    await say_and_hear(ada, room, "lost")
    assert MATCHES in await docker.type(RESTORE)
    assert await said(ada, room) == ["before"], "the session ended"
    await say_and_hear(ada, room, "in its place, under its version")
    assert "restore  standard input: the disk died" in await docker.type("docker compose exec app-1 onrecord actions")
    await docker.type("docker compose exec -T postgres dropdb --username=onrecord onrecord_before")


async def test_a_backup_makes_the_service_on_a_new_machine(
    production: Rehearsal, docker: Docker, ada: Person, tmp_path: Path
) -> None:
    await production.up()
    await ada.sign_up("ada")
    room = await ada.open_room("Backups")
    await say_and_hear(ada, room, "before")
    await docker.type(BACK_UP)
    await production.stop_all()
    (machine := tmp_path / "new").mkdir()
    for file in ("onrecord.dump", "files.tar", "onrecord.env"):
        shutil.move(docker.folder / file, machine)
    async with rehearsing() as there:
        await Docker(machine, there).type(RESTORE_ON_A_NEW_MACHINE)
        assert (machine / ".env").read_text() == (docker.folder / ".env").read_text()
        ada.url = there.url
        assert await said(ada, room) == ["before"], "the session ended"
        await say_and_hear(ada, room, "after")


async def test_the_embedded_database_moves_to_the_compose_file(
    production: Rehearsal, docker: Docker, ada: Person
) -> None:
    with data_folder(quick_place()) as folder:
        async with serving(None, ONRECORD, docker.folder, DATA_DIR=str(folder)) as embedded:
            ada.url = embedded.url.with_host("127.0.0.1")  # for which the cookies then are
            await ada.sign_up("eve")
            room = await ada.open_room("Backups")
            await ada.post(f"/api/rooms/{room}/messages/", {"content": "before"})
            await docker.type(MOVE.replace("onrecord db", f"DATA_DIR={folder} onrecord db", 1))
    ada.url = production.url
    assert await said(ada, room) == ["before"], "the session ended"
    await say_and_hear(ada, room, "after")
    assert MATCHES in await docker.type("docker compose exec -T app-1 onrecord projections verify")


async def test_an_upgrade_brings_the_schema_up_to_date_before_the_processes(
    production: Rehearsal, docker: Docker, ada: Person
) -> None:
    await production.up()
    await ada.sign_up("ada")
    room = await ada.open_room("Upgrades")
    owner = await asyncpg.connect(production.database_url)
    await owner.execute("UPDATE schema_functions SET version = 0 WHERE name = 'append.sql'")
    assert MIGRATE in UPGRADE
    without = UPGRADE.removeprefix(PULL)
    with pytest.raises(NotStarted, match="this role may not change it: run `onrecord db init`"):
        await docker.type(re.sub(rf"^{MIGRATE}.*\n", "", without, flags=re.MULTILINE))
    await say_and_hear(ada, room, "while one process is away")
    await docker.type(without)
    await say_and_hear(ada, room, "after")
    assert await owner.fetchval("SELECT min(version) FROM schema_functions") > 0
    await owner.close()


async def test_the_owner_rebuilds_and_the_service_runs_on(production: Rehearsal, docker: Docker, ada: Person) -> None:
    await production.up()
    await ada.sign_up("ada")
    room = await ada.open_room("Rebuilds")
    await say_and_hear(ada, room, "before")
    await docker.type(REBUILD)
    await say_and_hear(ada, room, "after")
    assert await said(ada, room) == ["before", "after"]
    assert MATCHES in await docker.type("docker compose exec -T app-1 onrecord projections verify")
