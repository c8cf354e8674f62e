"""Demo mode goes on after an older backup was put in the place of its database."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import quick_place
from tests.support.conditions import eventually
from tests.support.embedded import data_folder
from tests.support.people import Answer, Person
from tests.support.restored_log import Backup
from tests.support.serving import ONRECORD, serving

LOGINS = "ada, grace, linus, margaret (password: demo); margaret is an admin"


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with data_folder(quick_place()) as folder:
        yield folder


async def typed(*command: object, **environment: str) -> str:
    """What a command prints that succeeds."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command), env={"PATH": os.environ["PATH"], **environment}, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        said, _ = await process.communicate()
    assert process.returncode == 0, said
    return said.decode()


async def general(person: Person) -> str:
    """The id of the demo's first room, as soon as the database is there and was compared with the ledger."""
    answers: list[Answer] = []

    async def is_answered() -> bool:
        answers.append(await person.get("/api/rooms/"))
        return answers[-1].status != 503

    await eventually(is_answered)
    return str(next(room["id"] for room in answers[-1].body["results"] if room["name"] == "General"))


async def say(person: Person, content: str) -> int:
    """Post to the demo's first room, as soon as the database is there; returns the version."""
    room = await general(person)
    answers: list[Answer] = []

    async def is_answered() -> bool:
        answers.append(await person.post(f"/api/rooms/{room}/messages/", {"content": content}))
        return answers[-1].status != 503

    await eventually(is_answered)
    assert answers[-1].status == 201, answers[-1].raw
    return int(answers[-1].body["id"])


async def check_that_it_serves(environment: dict[str, str], *, newest: int) -> None:
    """`onrecord demo` and `onrecord serve`, and a visitor who logs in and talks."""
    assert await typed(ONRECORD, "demo", **environment) == f"demo logins: {LOGINS}\n"
    async with serving(**environment) as service, Person(service.url) as grace:
        assert f"  demo logins          {LOGINS}" in service.said
        await grace.log_in("grace", "demo")
        assert await say(grace, "and it goes on") == newest + 1
        assert (await grace.get("/readyz")).status == 200
        assert (await grace.get(f"/rooms/{await general(grace)}/")).status == 200
        assert await service.stop(signal.SIGTERM) == 0
    assert "all rows match the log" in await typed(ONRECORD, "projections", "verify", **environment)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_an_older_copy_of_the_embedded_database(data_dir: Path, end: signal.Signals) -> None:
    environment = {"DATA_DIR": str(data_dir)}
    cluster, copy = data_dir / "postgres", data_dir / "copy"
    async with serving(**environment) as service, Person(service.url) as ada:
        await ada.log_in("ada", "demo")
        kept = await say(ada, "kept")
        assert await service.stop(signal.SIGTERM) == 0
    await typed("cp", "-a", cluster, copy)
    async with serving(**environment) as service, Person(service.url) as ada:
        await ada.log_in("ada", "demo")
        for number in range(6):
            await say(ada, f"lost {number}")
        await ada.open_room("Lost")
        await service.stop(end)
    if end is signal.SIGKILL:  # PostgreSQL runs on; a start and a stop of the service end it
        async with serving(**environment) as service:
            assert await service.stop(signal.SIGTERM) == 0
    await typed("rm", "-r", cluster)
    await typed("mv", copy, cluster)
    await check_that_it_serves(environment, newest=kept)


async def test_a_backup_that_is_restored_under_the_running_service(database_url: str, data_dir: Path) -> None:
    environment = {"DATABASE_URL": database_url, "DATA_DIR": str(data_dir), "DEMO": "yes"}
    async with serving(**environment) as service, Person(service.url) as ada:
        await ada.log_in("ada", "demo")
        kept = await say(ada, "kept")
        backup = await Backup.take(database_url)
        try:
            for number in range(6):
                await say(ada, f"lost {number}")
            await backup.restore()
            assert await say(ada, "new") == kept + 1
        finally:
            await backup.discard()
        await service.stop(signal.SIGKILL)
    await check_that_it_serves(environment, newest=kept + 1)
