"""Servers on one database whose browsers would not hear one another: all but the first are refused."""

import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from postgres.locks import REALTIME_SERVER
from tests.support.conditions import eventually
from tests.support.embedded import refused
from tests.support.people import Person
from tests.support.realtime import server as realtime
from tests.support.serving import serving

CENTRIFUGO = {
    "CENTRIFUGO_API_URL": "http://127.0.0.1:9/api",
    "CENTRIFUGO_API_KEY": realtime.API_KEY,
    "CENTRIFUGO_TOKEN_SECRET": realtime.SECRET,
}
"""A server that nothing is sent to."""

REFUSAL = (
    "another server runs on this database ({}), and browsers of one would not hear what the other publishes: "
    "stop it, or give all of them one CENTRIFUGO_API_URL"
)


def name_of(pid: int) -> str:
    return f"process {pid} on {socket.gethostname()}"


@pytest.fixture
async def admin(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def test_beside_an_embedded_hub_no_other_server_starts(database_url: str, tmp_path: Path) -> None:
    async with serving(DATABASE_URL=database_url, DATA_DIR=str(tmp_path / "one")) as first:
        for environment in ({}, CENTRIFUGO):
            said = await refused("serve", DATABASE_URL=database_url, DATA_DIR=str(tmp_path / "two"), **environment)
            assert said == REFUSAL.format(name_of(first.process.pid))
        async with Person(first.url) as ada:
            await ada.sign_up("ada")
        assert await first.stop(signal.SIGKILL) == -signal.SIGKILL
    async with serving(DATABASE_URL=database_url, DATA_DIR=str(tmp_path / "two")) as second:
        assert await second.stop(signal.SIGTERM) == 0


async def test_beside_servers_with_a_centrifugo_no_embedded_hub_starts(database_url: str, tmp_path: Path) -> None:
    environment = {"DATABASE_URL": database_url, **CENTRIFUGO}
    async with serving(**environment) as first, serving(**environment) as second:
        names = f"{name_of(first.process.pid)}, {name_of(second.process.pid)}"
        assert await refused("serve", DATABASE_URL=database_url, DATA_DIR=str(tmp_path)) == REFUSAL.format(names)
        assert await first.stop(signal.SIGTERM) == 0
        assert await second.stop(signal.SIGTERM) == 0


async def test_a_server_keeps_its_place_through_an_interruption(
    database_url: str, tmp_path: Path, admin: asyncpg.Connection
) -> None:
    async with serving(DATABASE_URL=database_url, DATA_DIR=str(tmp_path)) as server:
        assert await REALTIME_SERVER.end_holder(admin)

        async def is_held() -> bool:
            return await REALTIME_SERVER.holders(admin) == [name_of(server.process.pid)]

        await eventually(is_held)
        assert await server.stop(signal.SIGTERM) == 0


async def test_a_server_whose_place_was_taken_in_an_interruption_ends_and_says_why(
    database_url: str, tmp_path: Path, admin: asyncpg.Connection
) -> None:
    await admin.execute("SET application_name = 'process 1 on elsewhere'")
    said = tmp_path / "said"
    with said.open("w") as log:
        async with serving(log.fileno(), DATABASE_URL=database_url, DATA_DIR=str(tmp_path)) as server:

            async def is_ours() -> bool:
                await REALTIME_SERVER.end_holder(admin)
                return await REALTIME_SERVER.try_take(admin)

            await eventually(is_ours)
            assert await server.process.wait() == 1
    assert said.read_text().splitlines()[-1] == f"Error: {REFUSAL.format('process 1 on elsewhere')}"
