"""What the fan-out takes over from the writer of its own process, and what it reads from the log all the same."""

import asyncio
import contextlib
import dataclasses
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import asyncpg
import pytest

from domain import values
from domain.room import TOPICS
from domain.room.discussion.retracting import RetractMessage
from domain.room.erasing import EraseContent, TellUserErased
from domain.room.membership import JoinRoom, LeaveRoom
from domain.room.messages import PostMessage
from domain.values import ClientId, RequestId, RoomId
from eventstore.log import Log, Stored
from eventstore.mapper import create_mapper
from eventstore.values import Position, Version
from eventstore.writer.hand_over import Appended, HandOver
from projections.fanout import tail
from projections.fanout.leases import Leases
from projections.fanout.publishing import retrying
from projections.fanout.resize import change_lanes
from projections.fanout.worker import Fanout
from projections.readmodels.shapes import User
from tests.integration.fanout.test_fanout import check_everybody_got_everything, live, say
from tests.support.conditions import eventually
from tests.support.custody import set_rule
from tests.support.given_when_then import ADA, BOB
from tests.support.lanes_under_test import Server, published_to, publishing
from tests.support.operator import OPERATOR
from tests.support.restored_log import Backup
from tests.support.store import Store, open_store

INSERT = """
INSERT INTO stored_events (originator_id, originator_version, topic, state)
SELECT $1, $2, topic, state FROM stored_events WHERE notification_id = $3
"""

APPEND_OTHER = """
INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES ($1, 1, 'another:Application', '{}')
"""
"""As another application does: with a stream and a type of its own, through the table, which takes the append lock."""


class CountingLog(Log):
    """Counts how often the whole log is read on. A read waits before it begins, and before it ends, while told to."""

    def __init__(self) -> None:
        super().__init__(create_mapper(), topics=TOPICS)
        self.reads = 0
        self.may_begin, self.may_end = asyncio.Event(), asyncio.Event()
        self.may_begin.set()
        self.may_end.set()
        self.is_held = False

    async def folded(
        self, projection: str, after: Position, *, limit: int, connection: asyncpg.Connection
    ) -> tuple[list[Stored[object]], Position]:
        self.reads += 1
        self.is_held = not self.may_begin.is_set()
        await self.may_begin.wait()
        found = await super().folded(projection, after, limit=limit, connection=connection)
        self.is_held = not self.may_end.is_set()
        await self.may_end.wait()
        return found

    async def holds_a_read(self) -> bool:
        return self.is_held


class Meddler(HandOver):
    """Stands between a writer and those whom it tells, and does with what is handed over as a test wants."""

    def __init__(self, writer: HandOver, meddle: Callable[["Meddler", Appended], None]) -> None:
        super().__init__()
        self.kept: list[Appended] = []
        writer.on_append(lambda appended: meddle(self, appended))

    def release(self) -> None:
        """Tell what was kept, the newest first."""
        while self.kept:
            self.tell(self.kept.pop())


def meddled(store: Store, meddle: Callable[[Meddler, Appended], None]) -> Store:
    """The store, for a fan-out that is told what `meddle` tells it."""
    return dataclasses.replace(store, hand_over=Meddler(store.hand_over, meddle))


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with open_store(database_url) as opened:
        yield opened


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def without_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is found by looking now and then."""
    monkeypatch.setattr(tail, "POLL_S", 3600)


async def in_step(store: Store, room_id: RoomId, log: CountingLog, dsn: str) -> None:
    """Wait until what is posted is published without a read."""

    async def took_over() -> bool:
        reads = log.reads
        await published_to(dsn, await say(store, room_id, "are you with me"))
        return log.reads == reads

    await eventually(took_over)


@pytest.mark.usefixtures("without_polling")
async def test_what_the_own_process_appends_is_published_without_reading_the_log(
    store: Store, server: Server, database_url: str
) -> None:
    log = CountingLog()
    room_id = await store.open_room()
    async with publishing(database_url, dataclasses.replace(store, room_log=log), server):
        await in_step(store, room_id, log, database_url)
        reads = log.reads
        for number in range(5):
            await say(store, room_id, f"message {number}")
        await store.chat.join_room(JoinRoom(room_id, BOB))
        posts = [store.say(room_id, f"at once {number}") for number in range(50)]
        last = max(each.position for each in await asyncio.gather(*posts))
        await published_to(database_url, last)
        assert log.reads == reads
    await check_everybody_got_everything(store, server)


@pytest.mark.usefixtures("without_polling")
async def test_what_another_process_appends_between_is_read_and_keeps_its_place(
    store: Store, server: Server, database_url: str
) -> None:
    log = CountingLog()
    room_id = await store.open_room()
    async with (
        open_store(database_url) as other,
        publishing(database_url, dataclasses.replace(store, room_log=log), server),
    ):
        for _ in range(3):
            await in_step(store, room_id, log, database_url)
            reads = log.reads
            await say(other, room_id, "from elsewhere")
            await published_to(database_url, await say(store, room_id, "from here"))
            assert log.reads > reads
    await check_everybody_got_everything(store, server)


@pytest.mark.usefixtures("without_polling")
async def test_a_row_that_another_application_appends_between_two_hand_overs_is_read_and_passed_over(
    store: Store, server: Server, database_url: str
) -> None:
    log = CountingLog()
    room_id = await store.open_room()
    async with publishing(database_url, dataclasses.replace(store, room_log=log), server):
        for number in range(3):
            await in_step(store, room_id, log, database_url)
            reads = log.reads
            await store.database.execute(APPEND_OTHER, uuid4())
            after = await store.database.fetchval("SELECT max(notification_id) FROM stored_events")
            position = await say(store, room_id, f"after row {number}")
            await published_to(database_url, position)
            assert log.reads > reads
            assert position > after
    keys = [key for call in server.calls for key in call]
    assert len(set(keys)) == len(keys)
    await check_everybody_got_everything(store, server)


@pytest.mark.usefixtures("without_polling")
@pytest.mark.parametrize("ends", ["COMMIT", "ROLLBACK"])
async def test_an_open_transaction_that_appended_before_is_waited_for(
    store: Store, server: Server, database_url: str, ends: str
) -> None:
    """It holds a lower position, or leaves a gap there, and nobody sees its event until it is committed."""
    log = CountingLog()
    room_id = await store.open_room()
    async with publishing(database_url, dataclasses.replace(store, room_log=log), server):
        await in_step(store, room_id, log, database_url)
        last = (await store.events())[-1]
        other = await asyncpg.connect(database_url)
        await other.execute("BEGIN")
        await other.execute(INSERT, room_id, last.version + 1, last.position)
        saying = asyncio.create_task(say(store, room_id, "behind it"))

        async def waits() -> bool:
            return bool(await store.database.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

        await eventually(waits)
        await other.execute(ends)
        await other.close()
        await published_to(database_url, await saying)
    versions = [told["version"] for told in server.published(ADA)]
    assert versions == list(range(2, last.version + (3 if ends == "COMMIT" else 2)))
    await check_everybody_got_everything(store, server)


@pytest.mark.usefixtures("without_polling")
async def test_events_that_are_no_room_s_are_passed_over(store: Store, server: Server, database_url: str) -> None:
    log = CountingLog()
    room_id = await store.open_room()
    async with publishing(database_url, dataclasses.replace(store, room_log=log), server):
        await in_step(store, room_id, log, database_url)
        reads = log.reads
        await set_rule(store, room_id, erase=30)
        await published_to(database_url, await say(store, room_id, "after it"))
        assert log.reads == reads
    await check_everybody_got_everything(store, server)


@pytest.mark.usefixtures("without_polling")
async def test_what_is_handed_over_while_the_log_is_read_is_published_once(
    store: Store, server: Server, database_url: str
) -> None:
    """The read finds it as well."""
    log = CountingLog()
    room_id = await store.open_room()
    async with publishing(database_url, dataclasses.replace(store, room_log=log), server):
        await in_step(store, room_id, log, database_url)
        log.may_begin.clear()
        await store.database.execute("NOTIFY stored_events")
        await eventually(log.holds_a_read)
        await say(store, room_id, "meanwhile")
        log.may_begin.set()
        await published_to(database_url, await say(store, room_id, "after it"))
    keys = [key for call in server.calls for key in call]
    assert len(set(keys)) == len(keys)
    await check_everybody_got_everything(store, server)


@pytest.mark.usefixtures("without_polling")
async def test_what_is_handed_over_while_what_was_before_it_is_read_is_not_read(
    store: Store, server: Server, database_url: str
) -> None:
    log = CountingLog()
    room_id = await store.open_room()
    async with (
        open_store(database_url) as other,
        publishing(database_url, dataclasses.replace(store, room_log=log), server),
    ):
        await in_step(store, room_id, log, database_url)
        log.may_end.clear()
        reads = log.reads
        await say(other, room_id, "from elsewhere")
        await eventually(log.holds_a_read)
        await say(store, room_id, "from here")
        log.may_end.set()
        await published_to(database_url, await say(store, room_id, "after it"))
        assert log.reads == reads + 1
    await check_everybody_got_everything(store, server)


def lost(_: Meddler, __: Appended) -> None:
    """Nothing is handed over."""


def lost_now_and_then(meddler: Meddler, appended: Appended) -> None:
    if chance.random() < 0.5:
        meddler.tell(appended)


def late(meddler: Meddler, appended: Appended) -> None:
    meddler.kept.append(appended)
    if len(meddler.kept) > 3:
        meddler.tell(meddler.kept.pop(0))


def out_of_order(meddler: Meddler, appended: Appended) -> None:
    meddler.kept.append(appended)
    if chance.random() < 0.4:
        meddler.release()


def repeated(meddler: Meddler, appended: Appended) -> None:
    meddler.kept.append(appended)
    for each in meddler.kept[-4:]:
        meddler.tell(each)


chance = random.Random(11)


@pytest.mark.parametrize("meddle", [lost, lost_now_and_then, late, out_of_order, repeated])
async def test_everybody_gets_everything_in_order_whatever_becomes_of_the_hand_over(
    database_url: str, meddle: Callable[[Meddler, Appended], None]
) -> None:
    """Two processes append at once, and publish in two lanes."""
    server = Server()
    await change_lanes(2, database_url, operator=OPERATOR)
    async with open_store(database_url) as one, open_store(database_url) as two:
        rooms = [await one.open_room(f"Room {number}") for number in range(3)]
        async with (
            publishing(database_url, meddled(one, meddle), server),
            publishing(database_url, meddled(two, meddle), server),
        ):
            await asyncio.gather(*(live(store, rooms, 20, 200, seed) for seed, store in enumerate((one, two))))
            await live(one, rooms, 20, 100, 3)
            await published_to(database_url, (await one.events())[-1].position)
        await check_everybody_got_everything(one, server)
        times = Counter(key for call in server.calls for key in call)
        assert max(times.values()) <= 2, "each lane publishes an event once"


async def test_what_a_lost_log_handed_over_late_is_not_published(database_url: str) -> None:
    server = Server()
    async with open_store(database_url) as store:
        room_id = await store.open_room()
    backup = await Backup.take(database_url)
    try:
        async with open_store(database_url) as store:
            kept: list[Appended] = []
            late_store = meddled(store, lambda _, appended: kept.append(appended))
            for _ in range(5):
                await say(store, room_id, "lost with the log")
            await backup.restore()
            async with publishing(database_url, late_store, server):

                async def says() -> bool:
                    try:
                        return bool(await say(store, room_id, "in the log"))
                    except Exception:
                        return False

                await eventually(says)
                assert [each.generation for each in kept] == [1, 1, 1, 1, 1, 2]
                last = kept[-1].to
                await published_to(database_url, last)
                for each in kept:
                    late_store.hand_over.tell(each)
                await published_to(database_url, await say(store, room_id, "the last"))
    finally:
        await backup.discard()
    contents = [told["body"]["content"] for told in server.published(ADA) if told["type"] == "message_added"]
    assert contents == ["in the log", "the last"]


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_words_that_are_erased_before_their_turn_are_not_published(
    store: Store, server: Server, database_url: str, elsewhere: bool
) -> None:
    """The real-time server is away, and an event waits in memory with its words."""
    log = CountingLog()
    room_id = await store.open_room()
    async with (
        open_store(database_url) as other,
        publishing(database_url, dataclasses.replace(store, room_log=log), server) as process,
    ):
        await in_step(store, room_id, log, database_url)
        server.unavailable = lambda _: True
        await say(store, room_id, "the first that waits")
        await eventually_retried(process, 0)
        secret = await store.say(room_id, "a secret", key=ClientId("a key"))
        secret_version = Version(secret.event.originator_version)
        kept = await say(store, room_id, "no secret")
        chat = (other if elsewhere else store).chat
        await chat.erase_content(
            EraseContent(room_id, (secret_version,), values.OPERATOR, RequestId(uuid4()), "asked for")
        )
        last = await say(store, room_id, "the last")
        server.unavailable = lambda _: False
        await published_to(database_url, last)
    told = {each["position"]: each for each in server.published(ADA)}
    assert told[secret.position]["body"]["content"] == ""
    assert told[secret.position]["body"]["erased"]["why"] == "asked for"
    assert "idempotency_key" not in told[secret.position]
    assert told[kept]["body"]["content"] == "no secret"


@contextlib.asynccontextmanager
async def nothing_can_be_asked(dsn: str) -> AsyncIterator[None]:
    """For the block, whoever asks for names or leases waits."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await connection.execute("LOCK users, leases IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


async def test_a_message_is_published_before_anything_is_asked(store: Store, server: Server, database_url: str) -> None:
    room_id = await store.open_room()
    async with publishing(database_url, store, server, all_warm=False):
        await Leases(store.database, cold_after_s=3600).renew(ADA, token_ttl_s=300)
        await in_step(store, room_id, CountingLog(), database_url)
        async with nothing_can_be_asked(database_url):
            position = await say(store, room_id, "at once")

            async def arrived() -> bool:
                return position in server.positions(ADA)

            await eventually(arrived)
        at_once = server.published(ADA)[-1]
        await published_to(database_url, position)
        asked = await store.chat.post_message(PostMessage(room_id, ADA, "at once"))
        await published_to(database_url, asked.position)
    last = server.published(ADA)[-1]
    assert last["position"] == asked.position
    same = {"type": at_once["type"], "content": "at once", "user": at_once["body"]["user"]}
    assert {"type": last["type"], "content": last["body"]["content"], "user": last["body"]["user"]} == same


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_words_that_are_erased_while_the_server_is_away_are_not_published_when_it_is_back(
    store: Store, server: Server, database_url: str, elsewhere: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lane has tried to publish them, and tries again."""
    monkeypatch.setattr(retrying, "ASK_AGAIN_S", 0)
    log = CountingLog()
    room_id = await store.open_room()
    async with (
        open_store(database_url) as other,
        publishing(database_url, dataclasses.replace(store, room_log=log), server) as process,
    ):
        await in_step(store, room_id, log, database_url)
        server.unavailable = lambda _: True
        secret = await store.say(room_id, "a secret")
        await eventually_retried(process, 0)
        version = Version(secret.event.originator_version)
        await (other if elsewhere else store).chat.erase_content(
            EraseContent(room_id, (version,), values.OPERATOR, RequestId(uuid4()), "asked for")
        )
        await eventually_retried(process, process.counts.retries + 1)
        server.unavailable = lambda _: False
        await published_to(database_url, await say(store, room_id, "the last"))
    assert secret.position in server.positions(ADA)
    assert "a secret" not in json.dumps(server.published(ADA))
    await check_everybody_got_everything(store, server)


async def eventually_retried(process: Fanout, before: int) -> None:
    """Wait until the process has tried again to publish, after so many times."""

    async def retried() -> bool:
        return process.counts.retries > before

    await eventually(retried)


@contextlib.asynccontextmanager
async def server_away(server: Server, process: Fanout, store: Store, room_id: RoomId) -> AsyncIterator[None]:
    """For the block, the lane tries to publish a message and fails: what comes next waits in memory."""
    server.unavailable = lambda _: True
    await say(store, room_id, "the first that waits")
    await eventually_retried(process, process.counts.retries)
    yield
    server.unavailable = lambda _: False


@pytest.mark.usefixtures("without_polling")
async def test_erased_words_leave_the_history_however_late_the_process_hears_of_it(
    store: Store, server: Server, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words are fresh, and the notification of the erasure is lost. The erasure is behind them in the log."""
    monkeypatch.setattr(tail, "FRESH_S", 3600)
    monkeypatch.setattr(tail.Tail, "_notice", lambda *_: None)
    log = CountingLog()
    room_id = await store.open_room()
    async with (
        open_store(database_url) as other,
        publishing(database_url, dataclasses.replace(store, room_log=log), server) as process,
    ):
        await in_step(store, room_id, log, database_url)
        async with server_away(server, process, store, room_id):
            secret = await store.say(room_id, "a secret")
            version = Version(secret.event.originator_version)
            erased = await other.chat.erase_content(
                EraseContent(room_id, (version,), values.OPERATOR, RequestId(uuid4()), "asked for")
            )
        await published_to(database_url, secret.position)
        assert server.published(ADA)[-1]["body"]["content"] == "a secret"
        await published_to(database_url, await say(store, room_id, "the last"))
    told = server.published(ADA)
    assert [each["position"] for each in told] == sorted(each["position"] for each in told)
    assert erased.position in [each["position"] for each in told]
    assert "a secret" not in json.dumps(server.remembered(ADA))
    await check_everybody_got_everything(store, server)


@pytest.mark.usefixtures("without_polling")
@pytest.mark.parametrize("fresh_s", [0.0, 3600.0])
async def test_words_are_asked_for_once_they_are_stale(
    store: Store, server: Server, database_url: str, monkeypatch: pytest.MonkeyPatch, fresh_s: float
) -> None:
    """These go without an event, as no erasure of ours does: what is published shows whether they were asked for."""
    monkeypatch.setattr(tail, "FRESH_S", fresh_s)
    log = CountingLog()
    room_id = await store.open_room()
    async with publishing(database_url, dataclasses.replace(store, room_log=log), server) as process:
        await in_step(store, room_id, log, database_url)
        async with server_away(server, process, store, room_id):
            said = await store.say(room_id, "words")
            version = said.event.originator_version
            await store.database.execute("SELECT erase_unheld($1, $2)", [room_id], [version])
        await published_to(database_url, said.position)
    assert server.published(ADA)[-1]["body"]["content"] == ("words" if fresh_s else "")


@pytest.mark.usefixtures("without_polling")
async def test_a_retraction_that_waits_behind_the_message_hides_it(
    store: Store, server: Server, database_url: str
) -> None:
    log = CountingLog()
    room_id = await store.open_room()
    async with publishing(database_url, dataclasses.replace(store, room_log=log), server) as process:
        await in_step(store, room_id, log, database_url)
        async with server_away(server, process, store, room_id):
            said = await store.say(room_id, "said in anger")
            version = Version(said.event.originator_version)
            await store.discussion.retract(RetractMessage(room_id, ADA, version))
        await published_to(database_url, await say(store, room_id, "the last"))
    assert "said in anger" not in json.dumps(server.published(ADA))


async def test_an_erased_name_is_not_published_for_a_request_that_was_under_way(
    store: Store, server: Server, database_url: str
) -> None:
    log = CountingLog()
    room_id = await store.open_room()
    async with publishing(database_url, dataclasses.replace(store, room_log=log), server):
        await in_step(store, room_id, log, database_url)
        store.authors.expect(User(ADA, "ada"))
        named = await store.chat.post_message(PostMessage(room_id, ADA, "under her name"))
        await published_to(database_url, named.position)
        assert server.published(ADA)[-1]["body"]["user"]["username"] == "ada"
        await store.chat.tell_user_erased(TellUserErased(room_id, ADA, values.OPERATOR))
        store.authors.expect(User(ADA, "ada"))
        late = await store.chat.post_message(PostMessage(room_id, ADA, "under way"))
        await published_to(database_url, late.position)
    assert server.published(ADA)[-1]["position"] == late.position
    assert server.published(ADA)[-1]["body"]["user"]["username"] != "ada"
    assert '"ada"' not in json.dumps(server.remembered(ADA))


async def test_what_is_handed_over_is_what_a_reader_of_the_log_finds(store: Store) -> None:
    handed_over: list[Stored[object]] = []
    store.hand_over.on_append(lambda appended: handed_over.extend(appended.events))
    room_id = await store.open_room()
    await store.chat.join_room(JoinRoom(room_id, BOB))
    await store.chat.post_message(PostMessage(room_id, ADA, "said by me", ClientId("a key")))
    await store.chat.post_message(PostMessage(room_id, BOB, "an answer", reply_to=4))
    await store.chat.leave_room(LeaveRoom(room_id, BOB))
    assert handed_over == await store.events()


async def test_a_taker_that_fails_does_not_make_a_command_fail(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: Appended) -> None:
        raise ValueError("a secret")

    store.hand_over.on_append(fail)
    room_id = await store.open_room()
    assert await store.versions(room_id) == [1, 2]
    assert "could not be handed over" in caplog.text
