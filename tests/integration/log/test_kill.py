"""Processes die, the log does not: real servers, real requests, and kill -9."""

import asyncio
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from postgres.embedded import EmbeddedPostgres
from tests.support.conditions import eventually
from tests.support.killable_processes import LOUD
from tests.support.people import Person
from tests.support.posts import Posts, check_the_log
from tests.support.realtime import server as realtime
from tests.support.serving import serving

pytestmark = pytest.mark.long
Environment = dict[str, str]


@pytest.fixture
def several(database_url: str, tmp_path: Path) -> Iterator[Environment]:
    """What services on one database run with: browsers of all of them are on one real-time server."""
    with realtime.running("centrifugo" if realtime.binary() else "hub", tmp_path, realtime.configuration()) as server:
        yield {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path), **LOUD, **server.app_environment}


async def test_a_server_killed_in_a_burst_loses_and_doubles_nothing(
    own_postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    environment = {"DATABASE_URL": own_postgres.dsn, "DATA_DIR": str(tmp_path), **LOUD}
    async with serving(**environment) as service, Person(service.url) as ada:
        await ada.sign_up("ada")
        posts = Posts((await ada.post("/api/rooms/", {"name": "General"})).body["id"])
        burst = [asyncio.create_task(posts.post(ada, number)) for number in range(400)]

        async def under_way() -> bool:
            return len(posts.acknowledged) >= 50

        await eventually(under_way)
        await service.stop(signal.SIGKILL)
        await asyncio.gather(*burst)
        cookies, csrf = ada.cookies, ada.csrf
    assert posts.unknown, "the kill came too late to prove anything"
    await check_the_log(own_postgres.dsn, posts)
    async with serving(**environment) as service, Person(service.url) as ada:
        ada.http.cookie_jar.update_cookies(cookies, service.url)
        ada.csrf = csrf
        before = dict(posts.acknowledged)
        for number in range(400):
            await posts.post(ada, number)
        assert not posts.unknown
        assert {number: posts.acknowledged[number].body for number in before} == {
            number: answer.body for number, answer in before.items()
        }
    await check_the_log(own_postgres.dsn, posts)
    assert len(posts.acknowledged) == 400


async def test_two_servers_post_a_thousand_each_into_one_room(database_url: str, several: Environment) -> None:
    async with (
        serving(**several) as first,
        serving(**several) as second,
        Person(first.url) as ada,
        Person(second.url) as bob,
    ):
        await ada.sign_up("ada")
        await bob.sign_up("bob")
        posts = Posts((await ada.post("/api/rooms/", {"name": "General"})).body["id"])
        await bob.post(f"/api/rooms/{posts.room_id}/join/", {})

        async def post_all(person: Person, numbers: range) -> None:
            todo = iter(numbers)

            async def worker() -> None:
                for number in todo:
                    await posts.post(person, number)

            await asyncio.gather(*(worker() for _ in range(16)))

        await asyncio.gather(post_all(ada, range(1000)), post_all(bob, range(1000, 2000)))
        assert len(posts.acknowledged) == 2000
        connection = await asyncpg.connect(database_url)
        versions = await connection.fetch("SELECT originator_version FROM stored_events ORDER BY notification_id")
        await connection.close()
        assert [row[0] for row in versions] == list(range(1, 2004))
        assert sorted(answer.body["id"] for answer in posts.acknowledged.values()) == list(range(4, 2004))


async def test_while_postgresql_is_away_the_answer_is_503_and_recovers_afterwards(
    own_postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    environment = {"DATABASE_URL": own_postgres.dsn, "DATA_DIR": str(tmp_path), **LOUD}
    async with serving(**environment) as service, Person(service.url) as ada:
        await ada.sign_up("ada")
        posts = Posts((await ada.post("/api/rooms/", {"name": "General"})).body["id"])
        numbers = iter(range(1_000_000))
        is_over = asyncio.Event()

        async def worker() -> None:
            while not is_over.is_set():
                await posts.post(ada, next(numbers))

        workers = [asyncio.create_task(worker()) for _ in range(8)]

        async def acknowledged_more(than: int) -> bool:
            return len(posts.acknowledged) > than

        async def refused_some() -> bool:
            return len(posts.refused) >= 20

        await eventually(lambda: acknowledged_more(100))
        await asyncio.to_thread(own_postgres.stop)
        await eventually(refused_some)
        before = len(posts.acknowledged)
        await asyncio.to_thread(own_postgres.start)
        await eventually(lambda: acknowledged_more(before + 100))
        is_over.set()
        await asyncio.gather(*workers)
        assert {answer.status for answer in posts.refused} == {503}
        assert all(int(answer.headers["Retry-After"]) > 0 and answer.body["detail"] for answer in posts.refused)
        for number in sorted(posts.unknown):
            await posts.post(ada, number)
        assert not posts.unknown
    await check_the_log(own_postgres.dsn, posts)


WAIT_WHILE_APPENDING = """
CREATE FUNCTION wait_while_appending() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(1);
    RETURN NEW;
END
$$;
CREATE TRIGGER wait_while_appending BEFORE INSERT ON stored_events FOR EACH ROW EXECUTE FUNCTION wait_while_appending();
"""
WAITS = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock' AND NOT granted)"
HOLDS_THE_LOCK = """
SELECT EXISTS (
    SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND classid = x'6f6e7261'::integer::oid AND mode = 'ExclusiveLock' AND granted
        AND state = 'idle in transaction')
"""


async def test_a_server_that_hangs_with_the_append_lock_holds_the_others_up_for_a_while_only_and_recovers(
    database_url: str, several: Environment
) -> None:
    environment = {**several, "DATABASE_TIMEOUT_S": "2"}
    admin = await asyncpg.connect(database_url)

    async def is_so(question: str) -> bool:
        return bool(await admin.fetchval(question))

    async with (
        serving(**environment) as hanging,
        serving(**environment) as other,
        Person(hanging.url) as ada,
        Person(other.url) as bob,
    ):
        await ada.sign_up("ada")
        await bob.sign_up("bob")
        posts = Posts((await ada.post("/api/rooms/", {"name": "General"})).body["id"])
        assert (await bob.post(f"/api/rooms/{posts.room_id}/join/", {})).status == 200
        await admin.execute(WAIT_WHILE_APPENDING)
        await admin.execute("SELECT pg_advisory_lock(1)")
        under_way = asyncio.create_task(posts.post(ada, 0))
        await eventually(lambda: is_so(WAITS))
        hanging.process.send_signal(signal.SIGSTOP)
        await admin.execute("SELECT pg_advisory_unlock(1)")
        await eventually(lambda: is_so(HOLDS_THE_LOCK))

        async def is_posted(person: Person, number: int) -> bool:
            await posts.post(person, number)
            return number in posts.acknowledged

        await eventually(lambda: is_posted(bob, 1))
        assert not under_way.done()
        hanging.process.send_signal(signal.SIGCONT)
        await under_way
        for number in (0, 2):
            await eventually(partial(is_posted, ada, number))
        assert {answer.status for answer in posts.refused} <= {503}
    rows = await admin.fetch("SELECT originator_version FROM stored_events ORDER BY notification_id")
    assert [row[0] for row in rows] == list(range(1, 7))
    await admin.close()
