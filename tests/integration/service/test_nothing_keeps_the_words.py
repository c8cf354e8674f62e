"""Nothing keeps erased words: they are planted in every way that people have, erased and scrubbed, and then sought in
tables, statistics, every file of the cluster, the memory of the hub, and Redis with its files.

The same search finds them before, in each of these places.
"""

import asyncio
import json
import signal
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiohttp.test_utils import TestServer
from click.testing import CliRunner

from api.app import HUB, create_app
from api.settings import Settings
from cli.main import main
from postgres.embedded import EmbeddedPostgres
from tests.support import traces
from tests.support.conditions import eventually
from tests.support.lanes_under_test import published_to
from tests.support.people import Person
from tests.support.production_stack import program
from tests.support.realtime import server as realtime
from tests.support.traces import Found, marker

PLANT_STATISTICS = """
ALTER TABLE bodies ALTER COLUMN content SET STATISTICS 100;
ANALYZE bodies;
ALTER TABLE bodies ALTER COLUMN content SET STATISTICS 0
"""
"""As an installation has them whose first ANALYZE came before the target 0."""


@dataclass
class Planted:
    """The words, by how they got there, and the versions of the room that have them."""

    room: str
    versions: list[int]
    message: str
    long_message: str
    compressed_message: str
    client_id: str
    room_name: str
    renamed: str

    @property
    def markers(self) -> list[str]:
        return [value for name, value in vars(self).items() if name not in ("room", "versions")]


async def plant(person: Person) -> Planted:
    """Say things in a room whose name is one of them."""
    said = {name: marker() for name in ("message", "long_message", "compressed_message", "client_id")}
    name, renamed = marker(), marker()
    room = await person.open_room(name)
    versions = [1]
    for text in (
        f"it is {said['message']}",
        "".join(marker() for _ in range(110)) + said["long_message"],  # stored in slices, not compressed
        said["compressed_message"] + " and on" * 500,
    ):
        key = {"Idempotency-Key": said["client_id"]} if not versions[1:] else {}
        answer = await person.post(f"/api/rooms/{room}/messages/", {"content": text}, headers=key)
        assert answer.status == 201, answer.raw
        versions.append(answer.body["id"])
    answer = await person.post(f"/api/rooms/{room}/rename/", {"name": renamed})
    assert answer.status == 200, answer.raw
    last = await person.post(f"/api/rooms/{room}/rename/", {"name": f"harmless {room}"})  # a name in use stays
    assert last.status == 200, last.raw
    return Planted(room, [*versions, versions[-1] + 1], **said, room_name=name, renamed=renamed)


async def erase(planted: Planted, dsn: str, data_dir: Path) -> None:
    """Erase all of it by the command, and wait until everybody is told."""
    environment = {"DATABASE_URL": dsn, "DATA_DIR": str(data_dir)}
    versions = [str(version) for version in planted.versions]
    words = ["message", "erase", str(planted.room), *versions, "--why", "to test it", "--yes"]
    done = await asyncio.to_thread(CliRunner(env=environment).invoke, main, words)
    assert done.exit_code == 0, done.output
    assert "keeps" not in done.stdout
    connection = await asyncpg.connect(dsn)
    await published_to(dsn, await connection.fetchval("SELECT max(notification_id) FROM stored_events"))
    await connection.close()


async def scrub(dsn: str, data_dir: Path, *arguments: str) -> dict[str, Any]:
    environment = {"DATABASE_URL": dsn, "DATA_DIR": str(data_dir)}
    words = ["audit", "scrub", "--why", "to test it", "--json", *arguments]
    done = await asyncio.to_thread(CliRunner(env=environment).invoke, main, words)
    assert done.stdout, (done.stderr, done.exception)
    result: dict[str, Any] = json.loads(done.stdout)
    assert (done.exit_code, result["verdict"]) == (0, "scrubbed"), result
    return result


@pytest.fixture
async def app(own_postgres: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[TestServer]:
    """The service with the hub in this process, on a cluster of its own."""
    settings = Settings(database_url=own_postgres.dsn, data_dir=str(tmp_path), log_level="warning")
    server = TestServer(create_app(settings), host="127.0.0.1")
    await server.start_server(access_log=None, auto_decompress=False)
    yield server
    await server.close()


@pytest.fixture
async def owner(own_postgres: EmbeddedPostgres) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(own_postgres.dsn)
    yield connection
    await connection.close()


def all_of(found: Found) -> set[str]:
    return set().union(*found.values())


async def listen(person: Person) -> None:
    """The user's channel gets what they may see from now on."""
    channel = f"personal:{person.user['id']}"
    answer = await person.get(f"/api/token/subscription/?channel={channel}")
    assert answer.status == 200


async def test_erased_words_are_nowhere_in_the_database_its_files_and_the_hub(
    app: TestServer, owner: asyncpg.Connection, own_postgres: EmbeddedPostgres, postgres_folder: Path, tmp_path: Path
) -> None:
    async with Person(app.make_url("/")) as ada:
        await ada.sign_up("ada")
        await listen(ada)
        planted, kept = await plant(ada), await plant(ada)
        head = (await ada.get("/api/rooms/")).position
        for path in ("/api/search/messages/", "/search/"):  # it brings the index up to date
            found = await ada.get(f"{path}?q={planted.message}", headers={"Accept": "text/html, application/json"})
            assert planted.room in found.raw.decode()
    await published_to(own_postgres.dsn, head)
    await owner.execute(PLANT_STATISTICS)
    await owner.execute("CHECKPOINT")

    # Before: each of the places has them.
    rows = await traces.in_tables(planted.markers, owner)
    assert {"public.bodies", "public.body_keys", "public.idempotency_keys"} <= set(rows)
    assert {planted.message, planted.compressed_message, planted.room_name} <= rows["public.search_index"]
    of_search = await owner.fetchval("SELECT pg_relation_filepath('search_index_tokens_idx')")
    assert {"pg_catalog.pg_stats", "pg_catalog.pg_statistic"} <= set(rows)
    assert all_of(rows) == set(planted.markers)
    files = await asyncio.to_thread(traces.in_files, planted.markers, postgres_folder)
    assert all_of({path: found for path, found in files.items() if "/base/" in path}) == set(planted.markers)
    assert all_of({path: found for path, found in files.items() if "/pg_wal/" in path}) == set(planted.markers)
    of_statistics = f"postgres/{await owner.fetchval('SELECT pg_relation_filepath($1::regclass)', 'pg_statistic')}"
    assert files[of_statistics]
    assert planted.message in files[f"postgres/{of_search}"]
    heard = traces.in_memory(planted.markers, app.app[HUB])
    assert {planted.message, planted.long_message, planted.room_name, planted.renamed} <= heard

    await erase(planted, own_postgres.dsn, tmp_path)
    erased = await asyncio.to_thread(traces.in_files, planted.markers, postgres_folder)
    assert all_of(erased) == set(planted.markers)  # what is deleted is still in the files

    done = await scrub(own_postgres.dsn, tmp_path)
    assert any(place.startswith("public.bodies") for place in done["statistics_removed"])

    assert await traces.in_tables(planted.markers, owner) == {}
    assert await asyncio.to_thread(traces.in_files, planted.markers, postgres_folder) == {}
    assert await asyncio.to_thread(traces.in_files, planted.markers, tmp_path) == {}
    assert traces.in_memory(planted.markers, app.app[HUB]) == set()

    # What was not erased is as it was.
    assert all_of(await traces.in_tables(kept.markers, owner)) == set(kept.markers)
    async with Person(app.make_url("/")) as ada:
        await ada.log_in("ada")
        page = await ada.get(f"/api/rooms/{kept.room}/messages/")
        assert kept.message in page.raw.decode()


REDIS_PASSWORD = "the-password-of-redis"
HISTORY_IN_REDIS = ("--appendonly", "yes", "--save", "3600 1", "--rdbcompression", "no")
"""As in docker-compose.yml, and with snapshots; not compressed, so that a search through the files is honest."""

needs_redis = pytest.mark.skipif(
    None in (program("redis-server"), program("redis-cli")), reason="needs redis-server and redis-cli"
)


class Redis:
    """A Redis of the test's own, with all its files in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.port = realtime.free_port()
        self.url = f"redis://:{REDIS_PASSWORD}@127.0.0.1:{self.port}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        place = ("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self._folder))
        command = [program("redis-server") or "", *place, "--requirepass", REDIS_PASSWORD, *HISTORY_IN_REDIS]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait()

    def ask(self, *words: str) -> bytes:
        """What it answers; nothing as long as it is starting."""
        command = [program("redis-cli") or "", "-p", str(self.port), *words]
        return subprocess.run(command, capture_output=True, env={"REDISCLI_AUTH": REDIS_PASSWORD}, check=False).stdout

    async def answers(self) -> bool:
        return await asyncio.to_thread(lambda: self.ask("ping")) == b"PONG\n"

    def everything(self) -> bytes:
        """All values, as Redis writes them."""
        return b"".join(self.ask("dump", key) for key in self.ask("--scan").decode().splitlines())


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[Redis]:
    folder = tmp_path / "redis"
    folder.mkdir()
    server = Redis(folder)
    server.start()
    try:
        await eventually(server.answers)
        yield server
    finally:
        server.stop()


@needs_redis
@realtime.needs_binary
async def test_erased_words_are_in_no_history_of_centrifugo_and_in_no_file_of_its_redis(
    own_postgres: EmbeddedPostgres, owner: asyncpg.Connection, redis: Redis, tmp_path: Path
) -> None:
    config = json.loads(realtime.CONFIG.read_text())
    config["engine"] = {"type": "redis", "redis": {"address": redis.url}}
    (tmp_path / "centrifugo").mkdir()
    with realtime.running("centrifugo", tmp_path / "centrifugo", config) as centrifugo:
        settings = Settings(
            database_url=own_postgres.dsn,
            data_dir=str(tmp_path / "data"),
            log_level="warning",
            centrifugo_api_url=centrifugo.api_url,
            centrifugo_api_key=realtime.API_KEY,
            centrifugo_token_secret=realtime.SECRET,
        )
        app = TestServer(create_app(settings), host="127.0.0.1")
        await app.start_server(access_log=None, auto_decompress=False)
        try:
            async with Person(app.make_url("/")) as ada:
                await ada.sign_up("ada")
                await listen(ada)
                planted = await plant(ada)
                head = (await ada.get("/api/rooms/")).position
            await published_to(own_postgres.dsn, head)
            told = {planted.message, planted.long_message, planted.room_name, planted.renamed}
            await asyncio.to_thread(redis.ask, "save")
            assert told <= traces.in_bytes(planted.markers, await asyncio.to_thread(redis.everything))
            files = traces.in_files(planted.markers, tmp_path / "redis")
            assert {"appendonlydir", "dump.rdb"} == {path.partition("/")[0] for path in files}
            assert told <= all_of(files)

            await erase(planted, own_postgres.dsn, tmp_path / "data")
            assert traces.in_bytes(planted.markers, await asyncio.to_thread(redis.everything)) == set()
            assert told <= all_of(traces.in_files(planted.markers, tmp_path / "redis"))

            done = await scrub(own_postgres.dsn, tmp_path / "data", "--redis", redis.url)
            assert done["redis"] == ["append-only file", "snapshot"]
            assert traces.in_files(planted.markers, tmp_path) == {}
        finally:
            await app.close()
