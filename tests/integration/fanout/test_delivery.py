"""Whether publications come in time, as browsers are told."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest

from api.operations.lateness_publisher import CALM, LatenessPublisher
from api.settings import Settings
from centrifugo.hub.configuration import loading as configuration
from centrifugo.hub.embedded_publisher import EmbeddedPublisher
from centrifugo.hub.hub import Hub
from centrifugo.publisher import Publication, PublisherUnavailable
from projections.fanout import lane_table as lanes
from projections.fanout.channels import DELIVERY_CHANNEL
from projections.fanout.lateness import Lateness
from tests.integration.conftest import StartServer
from tests.support.conditions import eventually
from tests.support.people import Person
from tests.support.store import open_store


@pytest.fixture
async def psql(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(settings.database_url)
    yield connection
    await connection.close()


async def is_late(person: Person) -> bool:
    """What `GET /api/delivery/` says."""
    answer = await person.get("/api/delivery/")
    assert answer.status == 200, answer.raw
    return bool(answer.body["is_late"])


async def test_publications_are_late_while_the_fanout_is_paused_and_in_time_again_afterwards(
    ada: Person, psql: asyncpg.Connection
) -> None:
    await ada.open_room("Engines")
    assert not await is_late(ada)
    await lanes.pause(psql)
    await eventually(lambda: is_late(ada))
    await lanes.resume(psql)

    async def is_in_time() -> bool:
        return not await is_late(ada)

    await eventually(is_in_time)


async def test_publications_are_late_where_a_lane_has_failed(ada: Person, psql: asyncpg.Connection) -> None:
    await psql.execute("UPDATE fanout_lanes SET failed_position = 1, failed_reason = 'refused'")
    await eventually(lambda: is_late(ada))


async def test_publications_are_late_once_an_event_has_waited_for_seconds(start_server: StartServer) -> None:
    server = await start_server(fanout="no")
    async with Person(server.make_url("/")) as eve:
        await eve.sign_up("eve")
        assert not await is_late(eve)
        await eve.open_room("Unheard")
        await eventually(lambda: is_late(eve))


class Interruptible(EmbeddedPublisher):
    """A publisher whose calls have no known outcome while it `is_away`."""

    is_away = False
    calls = 0

    async def publish(self, publications: Sequence[Publication]) -> None:
        self.calls += 1
        await super().publish(publications)
        if self.is_away:
            raise PublisherUnavailable("no answer")


async def test_pages_are_told_once_when_publications_begin_to_be_late_and_once_when_they_no_longer_are(
    database_url: str, psql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.fanout.lateness.KEEP_S", 0)
    namespace = {"name": "delivery", "history_size": 100, "history_ttl": "1h"}
    hub = Hub(configuration.load({"channel": {"namespaces": [namespace]}}, {}))
    publisher = Interruptible(hub)

    def told() -> list[bool]:
        kept = [json.loads(b"{" + pub.body + b"}") for _, pub in hub.read_history(DELIVERY_CHANNEL, limit=-1)[1]]
        publications = [publication["data"] for publication in kept]
        assert all(data["type"] == "delivery" for data in publications)
        return [data["body"]["is_late"] for data in publications]

    async with open_store(database_url) as store:
        pages = LatenessPublisher(Lateness(store.database), publisher)
        await pages.publish_if_changed()
        assert told() == []
        await lanes.pause(psql)
        for _ in range(3):
            await pages.publish_if_changed()
        assert told() == [True]
        await lanes.resume(psql)
        for _ in range(CALM - 1):
            await pages.publish_if_changed()
        await lanes.pause(psql)
        await pages.publish_if_changed()
        await lanes.resume(psql)
        for _ in range(CALM - 1):
            await pages.publish_if_changed()
        assert told() == [True], "publications that are late again at once stay late for pages"
        await pages.publish_if_changed()
        assert told() == [True, False]

        await lanes.pause(psql)
        publisher.is_away = True
        with pytest.raises(PublisherUnavailable):
            await pages.publish_if_changed()
        publisher.is_away = False
        await lanes.resume(psql)
        for _ in range(CALM):
            await pages.publish_if_changed()
        assert told() == [True, False, True, False], "pages that may have been told otherwise are told again"
        calls = publisher.calls
        await asyncio.gather(*(pages.publish_if_changed() for _ in range(3)))
        assert publisher.calls == calls, "while nothing changes, nothing is published"
