"""The real-time connections of an account end with its sessions, on the hub and on a real Centrifugo."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from click.testing import CliRunner

from cli.main import main
from tests.integration.conftest import StartServer, Visit
from tests.support.conditions import eventually
from tests.support.people import PASSWORD, Person
from tests.support.realtime import server as servers
from tests.support.realtime.official import PythonClient
from tests.support.realtime.server import API_KEY, KINDS, SECRET, Kind, Server

NEW = "a quite different staple"


@pytest.fixture(params=KINDS)
def realtime(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    kind: Kind = request.param
    with servers.running(kind, tmp_path, servers.configuration()) as running:
        yield running


@pytest.fixture
async def app(start_server: StartServer, realtime: Server) -> TestServer:
    return await start_server(
        centrifugo_api_url=realtime.api_url, centrifugo_api_key=API_KEY, centrifugo_token_secret=SECRET
    )


@pytest.fixture
async def clients() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as closing:
        yield closing


async def connected(person: Person, realtime: Server, clients: AsyncExitStack) -> PythonClient:
    """A real-time client of a person, who gave it the only token that it has."""
    client = await PythonClient.start()
    clients.push_async_callback(client.close)
    token = (await person.get("/api/token/connection/")).body["token"]
    await client.connect(realtime.websocket_url, tokens=[token])
    await client.expect("connected")
    return client


async def gets_no_token(person: Person) -> bool:
    paths = ("/api/token/connection/", f"/api/token/subscription/?channel=personal:{person.user['id']}")
    return [(await person.get(path)).status for path in paths] == [401, 401]


async def devices(app: TestServer, visit: Visit) -> tuple[Person, Person]:
    """Two sessions of one user."""
    one, two = await visit("ada", at=app), await visit(at=app)
    await two.log_in("ada")
    return one, two


async def test_a_changed_password_sends_all_devices_for_a_new_token_and_only_one_gets_it(
    app: TestServer, visit: Visit, realtime: Server, clients: AsyncExitStack
) -> None:
    here, elsewhere = await devices(app, visit)
    bystander = await connected(await visit("bob", at=app), realtime, clients)
    listening = [await connected(person, realtime, clients) for person in (here, elsewhere)]
    assert (await here.post("/api/account/password/", {"current": PASSWORD, "new": NEW})).status == 200
    for client in listening:
        await client.expect("connecting", code=4000)
    await eventually(lambda: gets_no_token(elsewhere))
    assert not await gets_no_token(here)
    assert bystander.times("connecting") == 1


async def test_the_end_of_all_sessions_leaves_no_connection_and_gives_no_token(
    app: TestServer, visit: Visit, realtime: Server, clients: AsyncExitStack
) -> None:
    people = await devices(app, visit)
    listening = [await connected(person, realtime, clients) for person in people]
    assert (await people[0].post("/api/sessions/end-all/", {})).status == 200
    for client, person in zip(listening, people, strict=True):
        await client.expect("connecting", code=4000)
        await eventually(partial(gets_no_token, person))


async def test_a_deactivated_account_is_disconnected_for_good(
    app: TestServer, visit: Visit, realtime: Server, clients: AsyncExitStack, database_url: str, tmp_path: Path
) -> None:
    ada = await visit("ada", at=app)
    client = await connected(ada, realtime, clients)
    bystander = await connected(await visit("bob", at=app), realtime, clients)
    environment = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path), **realtime.app_environment}
    command = ["user", "deactivate", "ada", "--why", "spam"]
    done = await asyncio.to_thread(CliRunner(env=environment).invoke, main, command)
    assert done.exit_code == 0, done.output
    await client.expect("disconnected", code=4500, reason="deactivated")
    await eventually(lambda: gets_no_token(ada))
    assert bystander.times("disconnected") == 0


async def test_an_erased_account_is_disconnected_for_good(
    app: TestServer, visit: Visit, realtime: Server, clients: AsyncExitStack, admin: Person
) -> None:
    ada = await visit("ada", at=app)
    client = await connected(ada, realtime, clients)
    path = f"{app.make_url('/')}api/users/{ada.user['id']}/erase/"
    assert (await admin.post(path, {"why": "asked for", "dry_run": False})).status == 200
    await client.expect("disconnected", code=4500, reason="deactivated")
    await eventually(lambda: gets_no_token(ada))
