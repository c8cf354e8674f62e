"""An embedded PostgreSQL that dies under a running service is started again by it."""

import asyncio
import contextlib
import itertools
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from postgres.database import UNAVAILABLE
from postgres.embedded import EmbeddedPostgres
from tests.support.conditions import eventually
from tests.support.embedded import IS_ROOT, fill, kill_server, server_pid, volume
from tests.support.killable_processes import LOUD
from tests.support.lanes_under_test import published_to
from tests.support.people import Person
from tests.support.posts import Posts, check_the_log
from tests.support.serving import serving

POSTERS = 8


class Talk:
    """People who post all the time, whatever the answer is."""

    def __init__(self, person: Person, posts: Posts) -> None:
        self._person = person
        self._numbers = itertools.count()
        self.posts = posts

    async def post_on(self) -> None:
        while True:
            await self.posts.post(self._person, next(self._numbers))

    async def goes_on(self) -> None:
        """Return when a hundred more messages are acknowledged."""
        goal = len(self.posts.acknowledged) + 100

        async def reached() -> bool:
            return len(self.posts.acknowledged) >= goal

        await eventually(reached)

    async def is_refused(self) -> None:
        """Return when some more are answered 503."""
        goal = len(self.posts.refused) + 20

        async def reached() -> bool:
            return len(self.posts.refused) >= goal

        await eventually(reached)


@contextlib.asynccontextmanager
async def talk(data_dir: Path, log: int | None = None) -> AsyncIterator[Talk]:
    """A service with people who post; at the end every message is repeated until acknowledged, and the log checked."""
    async with serving(log, DATA_DIR=str(data_dir), **LOUD) as service, Person(service.url) as ada:
        await ada.sign_up("ada")
        posts = Posts(await ada.open_room("General"))
        talk = Talk(ada, posts)
        posting = [asyncio.create_task(talk.post_on()) for _ in range(POSTERS)]
        yield talk
        for task in posting:
            task.cancel()
        await asyncio.wait(posting)
        assert {answer.status for answer in posts.refused} <= {503}
        assert all(int(answer.headers["Retry-After"]) > 0 and answer.body["detail"] for answer in posts.refused)
        for number in sorted(posts.unknown):
            await posts.post(ada, number)
        assert not posts.unknown
        dsn = EmbeddedPostgres(data_dir).dsn
        await check_the_log(dsn, posts)
        await published_to(dsn, (await ada.get("/api/rooms/")).position)
        assert (await ada.get("/readyz")).status == 200
        assert await service.stop(signal.SIGTERM) == 0
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


async def test_killed_it_comes_back_and_nothing_acknowledged_is_lost(data_dir: Path, tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        async with talk(data_dir, log.fileno()) as people:
            for _ in range(3):
                await people.goes_on()
                killed = await kill_server(data_dir)
                await people.is_refused()
                await people.goes_on()
                assert server_pid(data_dir) != killed
    said = (tmp_path / "log").read_text()
    assert said.count("PostgreSQL died; starting it again") == said.count("PostgreSQL runs again") == 3


async def test_a_full_volume_with_space_again_is_used_again(data_dir: Path) -> None:
    with volume(data_dir, megabytes=150):
        async with talk(data_dir) as people:
            await people.goes_on()
            server = server_pid(data_dir)
            filler = fill(data_dir)
            await server_died_of_it(data_dir, server)
            await people.is_refused()
            filler.unlink()
            await people.goes_on()


async def server_died_of_it(data_dir: Path, server: int) -> None:
    """A server dies when it cannot begin a new file of its journal: have it ask for new ones."""
    dsn = EmbeddedPostgres(data_dir).dsn

    async def is_gone() -> bool:
        with contextlib.suppress(*UNAVAILABLE):
            connection = await asyncpg.connect(dsn)
            try:
                await connection.execute("SELECT pg_switch_wal()")
            finally:
                connection.terminate()
        return not psutil.pid_exists(server)

    await eventually(is_gone)


async def test_of_two_services_on_one_server_either_brings_it_back(data_dir: Path) -> None:
    central = {"CENTRIFUGO_API_URL": "http://127.0.0.1:9/api"}
    secret = {"CENTRIFUGO_API_KEY": "k" * 40, "CENTRIFUGO_TOKEN_SECRET": "t" * 40}
    environment = {"DATA_DIR": str(data_dir), "LOG_LEVEL": "error", **central, **secret}
    async with serving(**environment) as first, serving(**environment) as second, Person(second.url) as person:
        await kill_server(data_dir)

        async def is_ready() -> bool:
            return (await person.get("/readyz")).status == 200

        await eventually(is_ready)
        assert await first.stop(signal.SIGKILL) == -signal.SIGKILL
        await kill_server(data_dir)
        await eventually(is_ready)
        assert await second.stop(signal.SIGTERM) == 0
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


def test_a_dead_servers_process_id_may_belong_to_another_process(data_dir: Path) -> None:
    postgres = EmbeddedPostgres(data_dir)
    postgres.start()
    asyncio.run(kill_server(data_dir))
    owner = (data_dir / "postgres").stat()
    account: dict[str, Any] = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if IS_ROOT else {}
    with subprocess.Popen(["sleep", "600"], **account) as stranger:
        file = data_dir / "postgres" / "postmaster.pid"
        _, _, rest = file.read_text().partition("\n")
        file.write_text(f"{stranger.pid}\n{rest}")
        assert not postgres.is_running
        postgres.bring_back(unless=lambda: False)
        assert asyncio.run(answers(postgres.dsn))
        postgres.stop()
        assert stranger.poll() is None, "a process that was not ours was stopped"
        stranger.kill()


async def answers(dsn: str) -> bool:
    connection = await asyncpg.connect(dsn)
    try:
        return bool(await connection.fetchval("SELECT true"))
    finally:
        await connection.close()
