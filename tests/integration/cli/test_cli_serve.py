"""`onrecord serve` as a process: on its own database, through signals and crashes."""

import asyncio
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import quick_place
from tests.support.embedded import data_folder, refused
from tests.support.people import Person
from tests.support.realtime import server as realtime
from tests.support.serving import ONRECORD, serving

CENTRIFUGO = {
    "CENTRIFUGO_API_URL": "http://127.0.0.1:9/api",
    "CENTRIFUGO_API_KEY": realtime.API_KEY,
    "CENTRIFUGO_TOKEN_SECRET": realtime.SECRET,
}
"""A server that nothing is sent to."""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with data_folder(quick_place()) as folder:
        yield folder


async def test_the_first_start_says_what_to_open_and_who_can_log_in(data_dir: Path) -> None:
    async with serving(DATA_DIR=str(data_dir)) as service:
        assert re.fullmatch(r"onrecord is at http://localhost:\d+", service.said[0])
        logins = "ada, grace, linus, margaret (password: demo); margaret is an admin"
        assert f"  demo logins          {logins}" in service.said
        async with Person(service.url) as ada:
            await ada.log_in("ada", "demo")
            assert (await ada.get("/api/rooms/")).body["count"] == 3
            for path in ("/api/docs/", "/readyz"):
                assert (await ada.get(path)).status == 200
        assert (data_dir / "secrets.json").stat().st_mode & 0o777 == 0o600
        assert await service.stop(signal.SIGINT) == 0
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


async def test_the_address_to_open_is_printed_before_the_log_begins(data_dir: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        ONRECORD,
        "serve",
        env={"PATH": os.environ["PATH"], "PORT": "0", "DATA_DIR": str(data_dir)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    first = await process.stdout.readline()
    process.terminate()
    rest = await process.stdout.read()
    assert first.startswith(b"onrecord is at http://")
    assert b'"event":"migrated"' in rest
    assert await process.wait() == 0


async def test_data_survive_a_stop_and_a_kill(data_dir: Path) -> None:
    for number, end in enumerate((signal.SIGTERM, signal.SIGKILL, signal.SIGTERM)):
        async with serving(DATA_DIR=str(data_dir)) as service:
            async with Person(service.url) as ada:
                await ada.log_in("ada", "demo")
                await ada.open_room(f"Room {number}")
                assert (await ada.get("/api/rooms/")).body["count"] == 3 + number + 1
            assert await service.stop(end) == (0 if end is signal.SIGTERM else -signal.SIGKILL)
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


async def test_a_port_in_use_is_reported_in_one_line(database_url: str, data_dir: Path) -> None:
    async with serving(DATABASE_URL=database_url, DATA_DIR=str(data_dir)) as service:
        second = await asyncio.create_subprocess_exec(
            ONRECORD,
            "serve",
            env={"PATH": os.environ["PATH"], "PORT": str(service.url.port), "DATA_DIR": str(data_dir)},
            stderr=asyncio.subprocess.PIPE,
        )
        _, error = await second.communicate()
        assert second.returncode == 1
        expected = f"Error: cannot listen on 127.0.0.1:{service.url.port} (Address already in use)"
        assert error.decode().startswith(expected)
        assert error.count(b"\n") == 1


async def test_a_second_service_on_one_data_dir_is_refused_while_the_first_runs(data_dir: Path) -> None:
    async with serving(DATA_DIR=str(data_dir)) as first:
        named = f"(process {first.process.pid}, http://localhost:{first.url.port})"
        for environment in ({}, CENTRIFUGO):
            said = await refused("serve", DATA_DIR=str(data_dir), **environment)
            assert said.startswith(f"another server runs on DATA_DIR {data_dir} {named}")
        async with Person(first.url) as ada:
            await ada.log_in("ada", "demo")
        assert await first.stop(signal.SIGKILL) == -signal.SIGKILL
    async with serving(DATA_DIR=str(data_dir)) as second:
        assert await second.stop(signal.SIGTERM) == 0


async def test_services_whose_browsers_share_a_server_run_side_by_side(data_dir: Path, tmp_path: Path) -> None:
    with realtime.running("hub", tmp_path, realtime.configuration()) as hub:
        environment = {"DATA_DIR": str(data_dir), **hub.app_environment}
        async with serving(**environment) as first, serving(**environment) as second:
            async with Person(first.url) as ada, Person(second.url) as grace:
                await ada.log_in("ada", "demo")
                await grace.log_in("grace", "demo")
                room = await ada.open_room("Shared")
                assert (await grace.post(f"/api/rooms/{room}/join/", {})).status == 200
                assert (await ada.get(f"/api/rooms/{room}/")).body["member_count"] == 2
            said = await refused("serve", DATA_DIR=str(data_dir))
            assert said.startswith(f"another server runs on DATA_DIR {data_dir}: stop it")
            assert await first.stop(signal.SIGTERM) == 0
            async with Person(second.url) as grace:
                await grace.log_in("grace", "demo")
            assert await second.stop(signal.SIGTERM) == 0
