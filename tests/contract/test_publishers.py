"""The publisher contract on a hub in this process, a hub's HTTP API and, where there is one, a real Centrifugo."""

import json
import subprocess
from collections.abc import AsyncIterator, Iterator

import pytest
from aiohttp import web

from centrifugo.client import CentrifugoClient
from centrifugo.hub.configuration import loading as configuration
from centrifugo.hub.connection import websocket
from centrifugo.hub.embedded_publisher import EmbeddedPublisher
from centrifugo.hub.hub import Hub
from centrifugo.hub.server_api import http_api
from tests.contract.publisher_contract import PublisherContract, Site
from tests.support.realtime import server as servers
from tests.support.realtime.server import CONFIG, KINDS, Server


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp(request.param)
    with servers.running(request.param, directory, json.loads(CONFIG.read_text())) as running:
        yield running


class TestEmbeddedPublisher(PublisherContract):
    @pytest.fixture
    async def site(self) -> AsyncIterator[Site]:
        hub = Hub(configuration.load(CONFIG, servers.SECRETS))
        app = web.Application()
        websocket.mount(app, hub)
        app.add_routes(http_api.routes(hub))
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield Site(EmbeddedPublisher(hub), runner.addresses[0][1])
        await runner.cleanup()


class TestCentrifugoClient(PublisherContract):
    @pytest.fixture
    async def site(self, server: Server) -> AsyncIterator[Site]:
        client = CentrifugoClient(server.api_url, servers.API_KEY)
        yield Site(client, server.port)
        await client.close()


@servers.needs_binary
def test_centrifugo_accepts_our_configuration() -> None:
    binary = servers.binary() or ""
    found = subprocess.run([binary, "checkconfig", "--strict", "-c", str(CONFIG)], capture_output=True)
    assert (found.returncode, found.stdout) == (0, b"")
