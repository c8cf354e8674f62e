"""Demo accounts: their password is public, so they open only here, only in demo mode, and are no real account's."""

from collections.abc import Callable

import asyncpg
import pytest
from aiohttp.test_utils import TestServer
from click.testing import CliRunner, Result

from api.accounts.demo import ADMIN, PASSWORD, PEOPLE
from api.http.app_keys import ACCOUNTS, CORE
from api.settings import Settings, SettingsError
from cli.main import main
from cli.support.demo_data import seed
from tests.integration.conftest import StartServer, Visit
from tests.support.people import Person

BEHIND_A_PROXY = {"X-Forwarded-For": "203.0.113.7"}
PUBLIC = ("0.0.0.0", "::", "192.0.2.1", "chat.example")


async def seeded(server: TestServer) -> str:
    return await seed(server.app[CORE].chat, server.app[ACCOUNTS])


async def logs_in(person: Person, name: str, headers: dict[str, str] | None = None) -> bool:
    answer = await person.post("/api/login/", {"username": name, "password": PASSWORD}, headers=headers)
    assert (answer.status, answer.body) == (400, {"detail": "invalid credentials"}) or answer.status == 200
    return answer.status == 200


async def test_a_demo_account_opens_from_this_machine_while_the_demo_is_on(
    visit: Visit, start_server: StartServer
) -> None:
    with_demo = await start_server(demo="yes")
    await seeded(with_demo)
    assert await logs_in(await visit(at=with_demo), ADMIN)
    assert not await logs_in(await visit(at=await start_server(demo="no")), ADMIN)


@pytest.mark.parametrize("trusted", ["", "127.0.0.0/8"])
async def test_a_demo_account_does_not_open_from_elsewhere(
    visit: Visit, start_server: StartServer, trusted: str
) -> None:
    server = await start_server(demo="yes", trusted_proxies=trusted)
    await seeded(server)
    stranger = await visit(at=server)
    assert not await logs_in(stranger, ADMIN, BEHIND_A_PROXY)
    page = await stranger.request("GET", "/login/", headers=BEHIND_A_PROXY)
    assert "demo-login" not in page.raw.decode()
    fields = {"username": ADMIN, "csrf": stranger.csrf}
    async with stranger.http.post(
        stranger.url.with_path("/demo-login/"), data=fields, headers=BEHIND_A_PROXY, allow_redirects=False
    ) as answer:
        assert answer.status == 404


async def test_sessions_of_demo_accounts_end_with_the_demo(visit: Visit, start_server: StartServer) -> None:
    with_demo = await start_server(demo="yes")
    await seeded(with_demo)
    ada = await visit(at=with_demo)
    await ada.log_in("ada", PASSWORD)
    ada.url = (await start_server(demo="no")).make_url("/")
    assert (await ada.get("/api/rooms/")).status == 403


async def test_the_demo_speaks_for_no_real_account(visit: Visit, start_server: StartServer) -> None:
    server = await start_server(demo="yes")
    real = await visit("ada", at=server)
    assert (await seeded(server)).startswith("ada-demo, grace,")
    assert (await real.get("/api/rooms/")).body["results"] == []
    page = (await (await visit(at=server)).get("/login/")).raw.decode()
    assert 'value="ada-demo"' in page
    assert 'value="ada"' not in page
    assert not await logs_in(await visit(at=server), "ada")
    assert await logs_in(await visit(at=server), "ada-demo")


async def test_demo_accounts_of_an_older_release_are_marked(
    visit: Visit, start_server: StartServer, database_url: str
) -> None:
    server = await start_server(demo="yes")
    await seeded(server)
    admin = await asyncpg.connect(database_url)
    await admin.execute("UPDATE users SET is_demo = false")
    assert (await seeded(server)).startswith(f"{', '.join(PEOPLE)} (")
    assert await admin.fetchval("SELECT bool_and(is_demo) FROM users")
    await admin.close()
    assert not await logs_in(await visit(at=await start_server(demo="no")), "ada")


@pytest.fixture
def onrecord(database_url: str, tmp_path: object) -> Callable[..., Result]:
    def run(*arguments: str, **environment: str) -> Result:
        settings = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path), **environment}
        return CliRunner(env=settings).invoke(main, list(arguments))

    return run


def test_no_demo_account_is_created_with_a_database_url_unless_asked_for(onrecord: Callable[..., Result]) -> None:
    for arguments in (("demo",), ("demo", "--room-size", "3")):
        refused = onrecord(*arguments)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert "set DEMO=yes" in refused.stderr


def test_a_member_of_a_demo_room_does_not_count_as_a_real_account(onrecord: Callable[..., Result]) -> None:
    onrecord("user", "create", "member-2", "--password", "correct horse battery staple")
    refused = onrecord("demo", "--room-size", "3", DEMO="yes")
    assert refused.exit_code == 1
    assert refused.stderr == "Error: member-2 is a real account; no demo account can have that name\n"


@pytest.mark.parametrize("host", PUBLIC)
def test_a_demo_that_others_can_reach_does_not_start(onrecord: Callable[..., Result], host: str) -> None:
    refused = onrecord("serve", HOST=host, DEMO="yes")
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert refused.stderr.startswith("Error: HOST: ")
    assert "DEMO=no" in refused.stderr


def test_without_the_demo_any_host_will_do() -> None:
    for host in PUBLIC:
        Settings(host=host, demo="no").refuse_public_demo()
        with pytest.raises(SettingsError):
            Settings(host=host).refuse_public_demo()
    for host in ("127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1", "localhost"):
        Settings(host=host).refuse_public_demo()
